"""A revert that could not end: it goes on later, and nothing that came meanwhile is lost."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable

import practice
import pytest
from patient import (
    GUARD,
    Patient,
    assert_a_clean_run_succeeds,
    assert_as_before,
    runs_brittle_unit,
    wait_until,
)

WINDOW_S = 30
"""A busy machine makes all changes in it."""

SLOW_S = 120
"""What a busy machine may take for a switch, a revert or a boot."""

OLD, SAME, NEW, DONE = (f"/etc/cabinet.{name}" for name in ("old", "same", "new", "done"))
WANTED = "+".join(f"wants_a_file:{path}:risky" for path in (OLD, SAME, NEW, DONE))
"""Two files that were there before and two that were not, all of them `ours` by the change."""

Admit = Callable[..., Patient]


def revert_has_ended(patient: Patient) -> bool:
    """Tell whether a revert ran and runs no more, whatever it came to."""
    return not patient.has("armed") and patient.host.run(
        "systemctl is-active rempart-guard.timer rempart-guard.service", check=False
    ).stdout.split() == ["inactive", "inactive" if patient.has("reverted") else "failed"]


def switched(patient: Patient, faults: str, window_s: int = WINDOW_S) -> None:
    run = patient.apply(faults, window_s=window_s)
    wait_until(lambda: patient.has("switched"), SLOW_S, run)


def ended(patient: Patient) -> None:
    """Wait for the revert to end, and end its controller."""
    wait_until(lambda: revert_has_ended(patient), SLOW_S)
    run = patient.runs[-1]
    if run.poll() is None:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()


def stuck(patient: Patient) -> None:
    """Let a revert end that could put back and remove everything but three files."""
    patient.host.run(
        f"echo old | tee {OLD} > {SAME}; install -d -m 700 -o admin ~admin/.ssh;"
        " install -m 600 -o admin /var/lib/rempart-automation/.ssh/authorized_keys ~admin/.ssh/"
    )
    patient.before = patient.snapshot()
    switched(patient, f"proof_never_ends+{WANTED}")
    # No rename leads onto a mount, until the next boot.
    patient.host.run(f"for each in {OLD} {SAME} {NEW}; do mount --bind $each $each; done")
    ended(patient)
    assert patient.has("reverting")
    assert not patient.host.run(f"ls {DONE}", check=False).stdout


def somebody_logs_in(patient: Patient) -> None:
    command = [*patient.ssh(patient.name), f"admin@{patient.host.address}", "id -un"]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.stdout == "admin\n", said.stderr


def contents(patient: Patient, *paths: str) -> str:
    return patient.host.run(f"cat {' '.join(paths)} 2>&1", check=False).stdout


def planned(patient: Patient) -> str:
    done = practice.rempart("plan", patient.inventory)
    return " ".join((done.stdout + done.stderr).split())


def test_work_after_a_revert_that_could_not_end_outlives_a_reboot(patient: Patient) -> None:
    """The unit is the policy's; the account is made by hand, for the practice opens at eight."""
    runs_brittle_unit(patient, "/bin/mkdir /run/brittle")
    run = patient.apply("brittle_unit_is_touched", window_s=10)
    wait_until(patient.is_armed, SLOW_S, run)  # how far the switch gets is no matter
    ended(patient)
    patient.host.run("useradd -m t.leroy && echo patients > /home/t.leroy/letter")
    patient.host.reboot()

    assert contents(patient, "/home/t.leroy/letter") == "patients\n"
    assert patient.host.run("stat -c %U /home/t.leroy").stdout == "t.leroy\n"
    assert "brittle.service: does not start again" in planned(patient)
    assert_a_clean_run_succeeds(patient)


@pytest.mark.parametrize("image", ["debian-12", "debian-13"])
def test_stuck_revert_goes_on_with_what_is_left_alone(admit: Admit, image: str) -> None:
    """Nobody but rempart has logged in since, and what was struck off is struck off."""
    patient = admit(image)
    stuck(patient)
    said = planned(patient)
    assert patient.logs_in()
    patient.host.run(f"echo mine > {DONE}; runuser -u admin true")
    patient.host.reboot()

    assert patient.is_back()
    assert contents(patient, DONE) == "mine\n"
    assert f"{NEW}: could not be removed" in said
    assert "the next boot goes on with it, or, as root there" in said
    patient.host.run(f"rm {DONE}; umask 077; mkdir -p /run/rempart/pending")
    assert_as_before(patient)
    assert_a_clean_run_succeeds(patient)


@pytest.mark.parametrize("image", ["debian-12", "debian-13"])
@pytest.mark.parametrize("way", ["boot", "advice"])
def test_stuck_revert_leaves_what_somebody_may_have_made_since(
    admit: Admit, image: str, way: str
) -> None:
    patient = admit(image)
    stuck(patient)
    somebody_logs_in(patient)
    patient.host.run(f"echo mine > {OLD}")
    if way == "boot":
        patient.host.reboot()
    else:
        patient.host.run(f"umount {OLD} {SAME} {NEW}; sh {GUARD}/revert now")

    assert patient.is_back()
    assert contents(patient, OLD, SAME, NEW) == "mine\nold\nours\n"
    said = planned(patient)
    journal = patient.host.run("journalctl -t rempart -o cat --no-pager").stdout
    for each in (
        f"{NEW}: was not there before; somebody has logged in since, so it stays",
        f"{OLD}: changed since the revert began, so it stays; the old one is {GUARD}/old/",
    ):
        assert each in said
        assert each in journal
    assert f"{SAME}:" not in said
    assert contents(patient, f"{GUARD}/old/*") == "old\n"
    applied = practice.rempart("apply", patient.inventory, "--yes")
    assert applied.returncode == 0, applied.stderr
    assert f"{NEW}: was not there before" in " ".join(applied.stdout.split())
    assert contents(patient, OLD, SAME, NEW) == "mine\nold\nours\n"
    assert "left something behind" not in planned(patient)


def test_revert_whose_journal_is_gone_keeps_to_what_has_not_changed(patient: Patient) -> None:
    """Nothing tells whether somebody has logged in; what is as the change left it is nobody's."""
    stuck(patient)
    patient.host.run(f"echo mine > {OLD}; rm -rf /var/log/journal/* /run/log/journal/*")
    patient.host.reboot()

    assert patient.is_back()
    assert contents(patient, OLD, SAME) == "mine\nold\n"
    assert not patient.host.run(f"ls {NEW}", check=False).stdout
    assert f"{OLD}: changed since the revert began" in planned(patient)


@pytest.mark.parametrize("ending", ["window", "power cut"])
def test_no_home_and_no_folder_with_anything_in_it_is_removed(
    patient: Patient, ending: str
) -> None:
    """Also by a change that is put back in its time, or long after it was armed."""
    switched(
        patient,
        f"proof_never_ends+wants_a_file:{NEW}:risky",
        WINDOW_S if ending == "window" else 300,
    )
    patient.host.run(
        "cd /home/t.leroy; echo patients > letter; chown t.leroy: letter;"
        f"rm {NEW} && mkdir {NEW} && echo x-ray > {NEW}/1;"
        f"find {GUARD} -exec touch -h -d '400 days ago' {{}} +"
    )
    if ending == "power cut":
        patient.host.kill()
        os.killpg(patient.runs[-1].pid, signal.SIGKILL)
        patient.runs[-1].wait()
        patient.host.boot()
        patient.host.run("umask 077; mkdir -p /run/rempart/pending")
    else:
        ended(patient)

    assert patient.is_back()
    assert contents(patient, "/home/t.leroy/letter", f"{NEW}/1") == "patients\nx-ray\n"
    assert patient.host.run("stat -c '%U %a' /home/t.leroy").stdout == "root 700\n"
    said = planned(patient)
    assert "/home/t.leroy: the home of a new account that was undone" in said
    assert f"{NEW}: was not there before; there is something in it, so it stays" in said
    patient.host.run(f"mv /home/t.leroy /root/kept; rm -r {NEW}")
    assert_as_before(patient, besides="/root/kept")

    patient.host.run("mv /root/kept /home/t.leroy")
    assert_a_clean_run_succeeds(patient)
    assert patient.host.run("find /home/t.leroy ! -user t.leroy").stdout == ""


@pytest.mark.parametrize("seconds", ["35", "infinity"])
def test_slow_unit_holds_up_no_revert(patient: Patient, seconds: str) -> None:
    """The way in is back before it is up; one that never is gets named and ends nothing."""
    runs_brittle_unit(patient, f"/bin/sh -c 'mkdir /run/brittle || sleep {seconds}'")
    switched(patient, "brittle_unit_is_touched")
    state = "systemctl is-active brittle.service"
    wait_until(lambda: not patient.logs_in(), SLOW_S)
    wait_until(patient.logs_in, SLOW_S)
    assert patient.host.run(state, check=False).stdout == "activating\n"
    ended(patient)

    assert patient.is_back()
    if seconds == "infinity":
        assert "brittle.service: does not start again" in planned(patient)
    else:
        assert "brittle.service" not in planned(patient)
        assert patient.host.run(state).stdout == "active\n"
    assert_as_before(patient)
    assert_a_clean_run_succeeds(patient)
