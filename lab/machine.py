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
def lock(name: str = "lab", *, shared: bool = False) -> Iterator[None]:
    """Hold a lock between processes and threads; not to be taken twice by one.

    `lab` is held alone by what changes the whole lab, and shared by what changes a host.
    """
    place.make_directories()
    with (place.LOCKS / name).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
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
        for mount in mounts_below(_NETNS):
            run(["umount", mount])
        _NETNS.rmdir()


def mounts_below(folder: Path) -> list[str]:
    """Return what is mounted on the folder or below it, the innermost first."""
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [mount for mount in reversed(mounts) if Path(mount).is_relative_to(folder)]


def _sysctl(key: str) -> Path:
    return Path("/proc/sys") / key
