"""The machine's own settings that the lab changes: remembered before, put back after."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab import place
from lab.process import run

LIMITS = {"fs/inotify/max_user_instances": 8192}
"""sysctl -> what many hosts need: each systemd takes five, Debian's 128 is enough for 22 hosts."""

_NETNS = Path("/run/netns")


@contextmanager
def lock(name: str = "lab") -> Iterator[None]:
    """Hold a lock between processes and threads; not to be taken twice."""
    place.make_directories()
    with (place.STATE / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def adapt() -> None:
    """Raise the limits, having first written down what they were."""
    if not place.BEFORE.exists():
        before = {
            "sysctl": {key: _sysctl(key).read_text().strip() for key in LIMITS},
            "netns_folder": _NETNS.exists(),
        }
        draft = place.BEFORE.with_suffix(".draft")
        draft.write_text(json.dumps(before))
        draft.replace(place.BEFORE)
    for key, needed in LIMITS.items():
        if int(_sysctl(key).read_text()) < needed:
            _sysctl(key).write_text(str(needed))


def restore() -> None:
    """Put back what `adapt` found."""
    if not place.BEFORE.exists():
        return
    before = json.loads(place.BEFORE.read_text())
    for key, value in before["sysctl"].items():
        if key in LIMITS and _sysctl(key).read_text().strip() != value:
            _sysctl(key).write_text(value)
    if not before["netns_folder"]:
        _remove_netns_folder()
    place.BEFORE.unlink()


def _remove_netns_folder() -> None:
    """`ip netns add` mounts this folder on itself and leaves it there."""
    if _NETNS.exists() and not any(_NETNS.iterdir()):
        if _NETNS.is_mount():
            run(["umount", str(_NETNS)])
        _NETNS.rmdir()


def _sysctl(key: str) -> Path:
    return Path("/proc/sys") / key
