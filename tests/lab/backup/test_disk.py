"""The removable disk: recognised, filled, checked, let go; and what it is when it is not there."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from copies import DISK, Cabinet

from lab import place

FOLDER = "/srv/disque"
STATE = "/var/lib/rempart-ingest/disque.disk"


@pytest.fixture(autouse=True)
def plugged(cabinet: Cabinet) -> Iterator[None]:
    """Leave the disk plugged in and unmounted, as it was found."""
    cabinet.disk("free")
    yield
    if is_mounted(cabinet):
        cabinet.server.run("printf leave > /run/rempart-disk-disque")
    cabinet.disk("free")
    cabinet.server.pull_out("disque")
    cabinet.server.plug_in("disque", DISK)


def visit(cabinet: Cabinet) -> None:
    """Do what udev does when the disk is plugged in."""
    cabinet.server.run("systemctl start rempart-disk@disque")
    cabinet.disk("waiting")


def is_mounted(cabinet: Cabinet) -> bool:
    return cabinet.server.run(f"mountpoint -q {FOLDER}", check=False).returncode == 0


def test_udev_starts_a_visit(cabinet: Cabinet) -> None:
    """udev itself does not run in a container: what it would do with the disk's device."""
    device = Path(cabinet.server.run("blkid -U " + DISK).stdout.strip()).name
    found = cabinet.server.run(f"udevadm test --action=add /devices/virtual/block/{device} 2>&1")
    assert re.search(r"SYSTEMD_WANTS=rempart-disk@disque\.service", found.stdout)
    assert "UDISKS_IGNORE=1" in found.stdout


def test_hosts_bring_copies_and_the_disk_is_let_go(cabinet: Cabinet) -> None:
    before = cabinet.status("disque")
    visit(cabinet)
    waiting = cabinet.status("disque")["t/desk"]
    told = cabinet.bring_to_disk()
    assert "plugged in; waiting for" in waiting["detail"]
    assert told["without"] == []
    assert told["damaged"] == 0
    assert not is_mounted(cabinet)
    after = cabinet.status("disque")
    for host in ("t/desk", "t/chair"):
        assert after[host]["snapshots"] == before[host]["snapshots"] + 1
        assert (after[host]["outcome"], after[host]["detail"]) == ("fresh", "may be unplugged")


def test_one_copy_a_visit(cabinet: Cabinet) -> None:
    visit(cabinet)
    cabinet.ask_for_disk("desk")
    first = cabinet.result("desk", "disque")["snapshot"]
    cabinet.hosts["desk"].run("systemctl start rempart-plugged@disque; sleep 2")
    told = cabinet.bring_to_disk("chair")
    assert cabinet.result("desk", "disque")["snapshot"] == first
    assert told["without"] == []


def test_nobody_minds_that_it_is_not_there(cabinet: Cabinet) -> None:
    cabinet.server.pull_out("disque")
    desk, before = cabinet.hosts["desk"], cabinet.result("desk", "disque")
    desk.run("systemctl start rempart-plugged@disque")
    failed = desk.run("systemctl is-failed 'rempart-*'", check=False).stdout
    run = cabinet.backup("run", "desk", "--target", "disque")
    assert "failed" not in failed
    assert run.returncode == 1
    assert "its disk is not plugged in" in run.stdout
    assert cabinet.result("desk", "disque") == before
    assert cabinet.status("disque")["t/desk"]["outcome"] == "fresh"
    assert cabinet.rempart("backup", "plug", cabinet.inventory, "disque").returncode == 1


def test_operator_keeps_it_for_as_long_as_he_needs_it(cabinet: Cabinet) -> None:
    plug = cabinet.done("backup", "plug", cabinet.inventory, "disque")
    cabinet.ask_for_disk("desk", "chair")
    drill = cabinet.backup("drill", "--target", "disque")
    wanted = ("desk", "/srv/dossiers", "--target", "disque", "--identity", place.KEYS / "t.leroy")
    restored = cabinet.backup("restore", *wanted)
    assert "rempart backup unplug" in plug
    assert drill.returncode == 0, drill.stdout + drill.stderr
    assert restored.returncode == 0, restored.stdout + restored.stderr
    assert is_mounted(cabinet)
    cabinet.done("backup", "unplug", cabinet.inventory, "disque")
    cabinet.disk("free")
    assert not is_mounted(cabinet)
    again = cabinet.rempart("backup", "unplug", cabinet.inventory, "disque")
    assert (again.returncode, "may be unplugged" in again.stderr) == (1, True)


def test_pulled_out_too_early(cabinet: Cabinet) -> None:
    visit(cabinet)
    cabinet.server.run(f"umount --lazy {FOLDER}")
    cabinet.disk("pulled")
    assert "pulled out" in cabinet.status("disque")["t/desk"]["detail"]
    visit(cabinet)
    assert cabinet.bring_to_disk()["without"] == []


def test_without_a_host(cabinet: Cabinet) -> None:
    """One is switched off: the operator does not wait for it."""
    visit(cabinet)
    cabinet.ask_for_disk("desk")
    cabinet.done("backup", "unplug", cabinet.inventory, "disque")
    assert cabinet.disk("free")["without"] == ["chair/disque"]


def test_bytes_that_rot_are_found(cabinet: Cabinet) -> None:
    """A byte of an old pack changes on the disk itself; the file system sees nothing."""
    server = cabinet.server
    cabinet.done("backup", "plug", cabinet.inventory, "disque")
    server.run(f"cd {FOLDER}/desk && find data -type f -size +20k | head -1 > /root/pack")
    pack = server.run("cat /root/pack").stdout.strip()
    head = server.run(f"head -c 64 {FOLDER}/desk/{pack} | base64 -w0").stdout
    cabinet.done("backup", "unplug", cabinet.inventory, "disque")
    cabinet.disk("free")
    stick = place.HOSTS / server.spec.slug / "sticks" / "disque"
    flip(stick, head)
    part = zlib.crc32(pack.encode()) % 8
    told = json.loads(server.run(f"cat {STATE}").stdout) | {"visits": part + 7}
    server.run(f"cat > {STATE}", input=json.dumps(told))
    server.pull_out("disque")
    server.plug_in("disque", DISK)
    visit(cabinet)
    damaged = cabinet.bring_to_disk()["damaged"]
    status = cabinet.status("disque")["t/desk"]
    flip(stick, head)
    server.pull_out("disque")
    cabinet.done("backup", "release", cabinet.inventory, "desk", "--target", "disque")
    assert damaged == 1
    assert status["outcome"] == "alarm"
    assert f"is damaged {pack}" in status["detail"]
    assert cabinet.status("disque")["t/desk"]["outcome"] == "fresh"


def test_disk_that_was_changed_elsewhere_is_refused(cabinet: Cabinet) -> None:
    server = cabinet.server
    server.run(
        f"mount UUID={DISK} /mnt && mv /mnt/desk /mnt/theirs && ln -s /etc /mnt/desk && umount /mnt"
    )
    said = server.run("python3 -I /etc/rempart-ingest/disk.py mount disque", check=False)
    refused = not is_mounted(cabinet)
    server.run(f"mount UUID={DISK} /mnt && rm /mnt/desk && mv /mnt/theirs /mnt/desk && umount /mnt")
    assert (said.returncode, "was changed elsewhere" in said.stderr, refused) == (1, True, True)


def flip(stick: Path, head: str) -> None:
    """Change a byte of a file that begins so, where it lies on the disk; and back."""
    with stick.open("r+b") as stream:
        where = stream.read().index(base64.b64decode(head)) + 100
        stream.seek(where)
        (byte,) = stream.read(1)
        stream.seek(where)
        stream.write(bytes([byte ^ 1]))
