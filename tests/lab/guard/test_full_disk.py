"""Full disks: before the guard is armed nothing is changed, and a revert needs no room."""

from __future__ import annotations

import pytest
from patient import (
    Patient,
    assert_a_clean_run_succeeds,
    assert_as_before,
    wait_until,
)

ETC_ON_ITS_OWN = """
cp -a /etc /var/tmp/etc && mount -t tmpfs -o size=32m,mode=755 tmpfs /etc &&
cp -a /var/tmp/etc/. /etc && rm -r /var/tmp/etc
"""
STATE_WITH_ETC = "mv /var/lib/rempart /etc/state && ln -s /etc/state /var/lib/rempart"
FILL = """
for each in /etc /var/lib/rempart; do
  dd if=/dev/zero of=$each/filler bs=4k 2>/dev/null || touch /run/full
done
test -e /run/full
"""


@pytest.mark.parametrize("left_kib", [0, 24])
def test_full_disk_changes_nothing(patient: Patient, left_kib: int) -> None:
    patient.own_filesystem_for_state()
    run = patient.apply(f"disk_fills_up:{left_kib}")
    said, _ = run.communicate(timeout=120)

    assert run.returncode == 1
    assert "the guard could not be armed; nothing was changed" in said
    patient.host.run("rm /var/lib/rempart/filler")
    assert_as_before(patient)
    assert_a_clean_run_succeeds(patient)


@pytest.mark.parametrize("state", ["with /etc", "apart"])
def test_disk_that_is_full_after_the_switch_keeps_nothing_from_coming_back(
    patient: Patient, state: str
) -> None:
    """Copies wait on the filesystem, and the mount, of what they are of: a rename needs no room."""
    patient.host.run(ETC_ON_ITS_OWN)
    if state == "apart":
        patient.own_filesystem_for_state()
    else:
        patient.host.run(STATE_WITH_ETC)
    patient.before = patient.snapshot()
    run = patient.apply("sshd_wants_another_group")
    wait_until(lambda: patient.has("switched"), 60, run)
    assert bool(patient.host.run("ls -A /etc").stdout.count(".rempart-guard.")) == (
        state == "apart"
    )
    patient.host.run(FILL)
    said, _ = run.communicate(timeout=120)

    assert run.returncode == 1
    assert "the host put everything back by itself" in said
    assert patient.logs_in()
    patient.host.run("rm /etc/filler; rm -f /var/lib/rempart/filler")
    assert_as_before(patient, besides="/etc/state")
    assert_a_clean_run_succeeds(patient)
    assert not patient.host.run("find / /etc -xdev -name '.rempart*'").stdout


def test_folder_that_is_a_mount_of_its_own_gets_its_copies_beside(patient: Patient) -> None:
    """The same filesystem, but no rename leads from one mount to another."""
    patient.host.run("mount --bind /etc/ssh/sshd_config.d /etc/ssh/sshd_config.d")
    patient.host.run("echo '# old' > /etc/ssh/sshd_config.d/00-rempart.conf")
    patient.before = patient.snapshot()
    run = patient.apply("sshd_wants_another_group")
    wait_until(lambda: patient.has("switched"), 60, run)
    assert ".rempart-guard." in patient.host.run("ls -A /etc/ssh/sshd_config.d").stdout
    said, _ = run.communicate(timeout=120)
    assert "the host put everything back by itself" in said
    assert_as_before(patient)
    assert_a_clean_run_succeeds(patient)
