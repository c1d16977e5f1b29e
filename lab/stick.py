"""Removable disks of hosts: files that are block devices while they are plugged in, loop(4)."""

import json
import os
from pathlib import Path

from lab.process import run

_FOLDER = "sticks"


def plug_in(folder: Path, name: str, size: str, uuid: str) -> tuple[str, int, int]:
    """Attach a host's disk, made with an empty ext4 the first time.

    Return its device's name and numbers (major, minor).
    """
    file = folder / _FOLDER / name
    if not file.exists():
        file.parent.mkdir(exist_ok=True)
        run(["truncate", "--size", size, str(file)])
        run(["mkfs.ext4", "-q", "-U", uuid, str(file)])
    device = run(["losetup", "--find", "--show", str(file)]).stdout.strip()
    number = Path(device).stat().st_rdev
    return Path(device).name, os.major(number), os.minor(number)


def pull_out(folder: Path, name: str = "") -> list[str]:
    """Detach a host's disk, or all that belong to files below a folder; return their names.

    One that is still mounted goes when it no longer is, losetup(8).
    """
    listed = run(["losetup", "--list", "--json", "--output", "NAME,BACK-FILE"]).stdout
    ours = [
        device["name"]
        for device in (json.loads(listed)["loopdevices"] if listed else ())
        if folder in Path(device["back-file"] or "/").parents
        and Path(device["back-file"]).parent.name == _FOLDER
        and name in ("", Path(device["back-file"]).name)
    ]
    for device in ours:
        run(["losetup", "--detach", device])
    return [Path(device).name for device in ours]
