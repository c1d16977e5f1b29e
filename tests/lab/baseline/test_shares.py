"""What others have mounted below /home and /tmp is theirs: no change of ours unmounts it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import practice
import pytest

from lab.host import Host

HostFactory = Callable[..., Host]

MOUNT = "mkdir -p {0} && mount -t tmpfs nas {0} && echo patients > {0}/letter"
PATIENTS = "patients\n"
BEFORE, AFTER = ("/home/commun", "/tmp/scans"), ("/home/apres", "/var/tmp/apres")
NETWORK = "/home/reseau"
UNIT = "rempart-mounts"
OPTIONS = "findmnt -n -o VFS-OPTIONS --mountpoint {} | tail -n 1"

# A file on the share is open all the time: written to before, and read back after.
HOLD = f"systemd-run -q --unit=hold sh -c 'exec 5<>{BEFORE[0]}/open; echo begun >&5; sleep 9999'"


@dataclass
class Desk:
    """`t/a`, hardened, with shares from before and after that; `server` has one of them."""

    host: Host
    inventory: Path

    def assert_shares_are_there(self) -> None:
        for share in (*BEFORE, *AFTER):
            assert self.host.run(f"mountpoint -q {share} && cat {share}/letter").stdout == PATIENTS
        assert self.host.run(f"mountpoint {NETWORK}; cat {NETWORK}/letter").stdout.endswith(
            "is a mountpoint\nradios\n"
        )
        assert self.host.run(f"cat {BEFORE[0]}/open").stdout == "begun\n"
        assert self.host.run("systemctl is-active hold").stdout == "active\n"


@pytest.fixture(scope="module", params=["debian-12", "debian-13"])
def desk(
    request: pytest.FixtureRequest,
    module_host: HostFactory,
    tmp_path_factory: pytest.TempPathFactory,
) -> Desk:
    host, server = module_host(f"{request.param}-ready"), module_host(practice.READY)
    for share in BEFORE:
        host.run(MOUNT.format(share))
    mount_from(server, host)
    host.run(HOLD)
    inventory = practice.enrolled(tmp_path_factory.mktemp("shares"), {"a": host})
    practice.edit(inventory, lambda data: data.update(baseline="enhanced"))
    applied = practice.rempart("apply", inventory, "--yes")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    for share in AFTER:
        host.run(MOUNT.format(share))
    return Desk(host, inventory)


def mount_from(server: Host, host: Host) -> None:
    """Mount a folder of another host's over SSH, as a practice's NAS is."""
    server.run("mkdir /srv/nas && echo radios > /srv/nas/letter")
    install = "DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends"
    host.run(f"{install} sshfs >/dev/null 2>&1; test -c /dev/fuse || mknod /dev/fuse c 10 229")
    host.run(
        "mkdir -p -m 700 /root/.ssh && ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519"
    )
    key = host.run("cat /root/.ssh/id_ed25519.pub").stdout
    server.run("mkdir -p -m 700 /root/.ssh && cat >> /root/.ssh/authorized_keys", input=key)
    known = "".join(f"{line}\n" for line in server.host_key_lines)
    host.run("cat > /root/.ssh/known_hosts", input=known)
    host.run(f"mkdir -p {NETWORK} && sshfs root@{server.address}:/srv/nas {NETWORK}")


def test_apply_leaves_shares_mounted(desk: Desk) -> None:
    desk.assert_shares_are_there()
    assert "nosuid" in desk.host.run(OPTIONS.format("/home")).stdout


@pytest.mark.parametrize("verb", ["reload", "restart", "stop", "start"])
def test_unit_leaves_shares_mounted(desk: Desk, verb: str) -> None:
    desk.host.run(f"systemctl {verb} {UNIT}")
    desk.assert_shares_are_there()
    expected = verb != "stop"
    assert ("nosuid" in desk.host.run(OPTIONS.format("/home")).stdout) == expected


def test_reload_takes_back_what_is_no_longer_wanted(desk: Desk) -> None:
    script = "/etc/rempart/mounts.sh"
    desk.host.run(f"cp {script} /root/kept && sed -i 's,^/home .*,/home nodev,' {script}")
    desk.host.run(f"systemctl reload {UNIT}")
    options = desk.host.run(OPTIONS.format("/home")).stdout.strip().split(",")
    desk.host.run(f"cat /root/kept > {script} && systemctl reload {UNIT}")
    assert "nodev" in options
    assert "nosuid" not in options
    desk.assert_shares_are_there()
    assert practice.planned(desk.inventory) == {"t/a": {}}


def test_mount_of_somebody_elses_on_the_folder_itself_stays(desk: Desk) -> None:
    desk.host.run(MOUNT.format("/var/tmp"))
    desk.host.run(f"systemctl stop {UNIT}")
    assert desk.host.run("cat /var/tmp/letter").stdout == PATIENTS
    desk.host.run(f"umount /var/tmp && systemctl start {UNIT}")
    desk.assert_shares_are_there()


def test_failed_health_check_is_mended_with_shares_mounted(desk: Desk) -> None:
    desk.host.run("mount -o remount,bind,suid,dev /home")
    done = practice.rempart("apply", desk.inventory, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nosuid" in desk.host.run(OPTIONS.format("/home")).stdout
    desk.assert_shares_are_there()


@pytest.mark.parametrize("baseline", ["minimal", "intermediary"])
def test_other_baseline_leaves_shares_mounted(desk: Desk, baseline: str) -> None:
    practice.edit(desk.inventory, lambda data: data.update(baseline=baseline))
    done = practice.rempart("apply", desk.inventory, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    desk.assert_shares_are_there()


def test_release_leaves_shares_mounted(desk: Desk) -> None:
    done = practice.rempart("release", desk.inventory, "a", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    desk.assert_shares_are_there()
    assert "nosuid" not in desk.host.run(OPTIONS.format("/home"), check=False).stdout
