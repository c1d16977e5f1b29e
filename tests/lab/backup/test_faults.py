"""Something goes wrong in the middle: what had arrived is there, and the next run succeeds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from copies import DISK, PATIENTS, Cabinet

from lab import place

KEY = ("--identity", place.KEYS / "t.leroy")
REPOSITORY = "/srv/backup/chair"
UNIT = "rempart-backup@cabinet"
SCAN = f"{PATIENTS}/scanner"
TREE = f"cd {REPOSITORY} && find . -type f ! -path './locks/*' -exec sha256sum {{}} +"
UNDER_WAY = f"""
n=$(find {REPOSITORY}/data -type f | wc -l)
for i in $(seq 600); do
    [ $(find {REPOSITORY}/data -type f | wc -l) -gt $((n + 1)) ] && exit
    sleep 0.05
done
exit 1
"""


@contextmanager
def backing_up(cabinet: Cabinet) -> Iterator[None]:
    """Do something while a large backup is on its way; nothing that had arrived is lost by it."""
    cabinet.backed_up("chair")
    before = set(cabinet.server.run(TREE).stdout.splitlines())
    chair = cabinet.hosts["chair"]
    chair.run(f"head -c 300000000 /dev/urandom > {SCAN}")
    chair.run(f"systemctl start --no-block {UNIT}")
    cabinet.server.run(UNDER_WAY)
    yield
    assert before <= set(cabinet.server.run(TREE).stdout.splitlines())


@pytest.fixture(autouse=True)
def whole_afterwards(cabinet: Cabinet) -> Iterator[None]:
    """See that the next run succeeds, that its files come back, and that nothing speaks against."""
    yield
    chair = cabinet.hosts["chair"]
    chair.run(f"systemctl stop {UNIT}; touch {SCAN}")
    cabinet.backed_up("chair")
    assert cabinet.result("chair")["outcome"] == "complete"
    back = cabinet.backup("restore", "chair", PATIENTS, "--into", "/root/after", *KEY)
    assert back.returncode == 0, back.stdout + back.stderr
    chair.run(f"diff -r {PATIENTS} /root/after{PATIENTS}; rm -r /root/after; rm {SCAN}")
    cabinet.backed_up("chair")
    assert cabinet.backup("release", "chair").returncode == 0
    checked = cabinet.backup("check", "chair", *KEY)
    assert checked.stdout == "t/chair: cabinet: whole\n", checked.stdout + checked.stderr


def ended(cabinet: Cabinet) -> str:
    """Wait until a backup has ended; return its outcome."""
    going = f"[ $(systemctl show -P SubState {UNIT}) = start ]"
    cabinet.hosts["chair"].run(f"while {going}; do sleep 0.2; done", timeout_s=300)
    return str(cabinet.result("chair")["outcome"])


def test_network_is_cut_for_a_while(cabinet: Cabinet) -> None:
    chair = cabinet.hosts["chair"]
    with backing_up(cabinet):
        chair.cut_network()
        chair.run("sleep 15")
        chair.restore_network()
        assert ended(cabinet) == "complete"


def test_power_of_the_server_is_cut(cabinet: Cabinet) -> None:
    with backing_up(cabinet):
        cabinet.server.reboot()
        cabinet.server.plug_in("disque", DISK)
        cabinet.hosts["chair"].run(f"systemctl stop {UNIT}")


def test_power_of_the_host_is_cut(cabinet: Cabinet) -> None:
    with backing_up(cabinet):
        cabinet.hosts["chair"].reboot()


def test_restic_is_killed(cabinet: Cabinet) -> None:
    with backing_up(cabinet):
        cabinet.hosts["chair"].run("pkill -9 -x restic")
        assert ended(cabinet) == "failed"
    assert cabinet.result("chair")["error"]


def test_restore_is_killed(cabinet: Cabinet) -> None:
    """It says so, and what it left is no obstacle to the next."""
    chair = cabinet.hosts["chair"]
    chair.run(f"head -c 300000000 /dev/urandom > {SCAN}")
    cabinet.backed_up("chair")
    chair.run(
        "systemd-run -q --unit=killer sh -c"
        f" 'until [ -e /root/after{SCAN} ]; do :; done; pkill -9 -x restic'"
    )
    done = cabinet.backup("restore", "chair", PATIENTS, "--into", "/root/after", *KEY)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "NOT restored whole" in done.stdout


def test_disk_of_the_host_is_full(cabinet: Cabinet) -> None:
    chair = cabinet.hosts["chair"]
    state = "/var/lib/rempart-backup"
    chair.run(f"mount -t tmpfs -o size=8k,mode=700 tmpfs {state} && cat /dev/zero > {state}/x || :")
    try:
        done = cabinet.backup("run", "chair")
    finally:
        chair.run(f"systemctl stop {UNIT}; umount {state}")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "chair: cabinet: failed" in done.stdout


def test_clock_of_the_host_is_wrong_by_a_day(cabinet: Cabinet) -> None:
    """Its snapshots say so: a doubt. Late is late by the server's clock alone."""
    chair, program = cabinet.hosts["chair"], "/etc/rempart-backup/client/run.py"
    moment = chair.run("date -d '1 day' '+%F %T'").stdout.strip()
    chair.run(f"""cp {program} /root/kept
        sed -i 's/arguments = ."backup", /&"--time={moment}", /' {program}""")
    try:
        cabinet.backed_up("chair")
    finally:
        chair.run(f"mv /root/kept {program}")
    listed = cabinet.backup("list", "chair", *KEY)
    assert "says it is of after its arrival" in listed.stdout
    assert cabinet.status()["t/chair"]["outcome"] == "fresh"
    done = cabinet.backup("check", "chair", *KEY)
    assert done.returncode == 2
    assert "says it is of after its arrival" in done.stdout
