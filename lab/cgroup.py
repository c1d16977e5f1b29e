"""One control group per host: what `down` kills and removes, whoever started it and died since.

Only the unified hierarchy (cgroup v2) is used. It is present on every Debian since 10, also where
PID 1 mounts the old ones beside it. See cgroups(7) and the kernel's admin-guide/cgroup-v2.
"""

import functools
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from lab.errors import LabError


@functools.cache
def root() -> Path:
    """Return the lab's own top group, say /sys/fs/cgroup/unified/rempart-lab."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        mount, _, filesystem = line.partition(" - ")
        if filesystem.startswith("cgroup2 "):
            return Path(mount.split()[4]) / "rempart-lab"
    raise LabError(
        "lab: this machine: has no cgroup v2 hierarchy (got none in /proc/self/mountinfo); "
        "mount one: mkdir -p /sys/fs/cgroup/unified && "
        "mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified"
    )


def joining(name: str, argv: Sequence[str]) -> list[str]:
    """Return a command that enters the group `name` and then becomes `argv`."""
    group = root() / name
    group.mkdir(parents=True, exist_ok=True)
    script = 'echo $$ > "$0" && exec "$@"'
    return ["sh", "-c", script, str(group / "cgroup.procs"), *argv]


def processes(name: str) -> Iterator[int]:
    """Yield the ids of all processes in the group and below it."""
    for listing in (root() / name).rglob("cgroup.procs"):
        try:
            yield from map(int, listing.read_text().split())
        except OSError:  # the group went away while we looked
            continue


def init(name: str) -> int | None:
    """Return the id, seen from this machine, of the container's PID 1, or None when it is off."""
    for pid in processes(name):
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue
        ids = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()
        if len(ids) == 3 and ids[2] == "1":
            return pid
    return None


def remove(name: str = "", timeout_s: float = 10) -> None:
    """Kill all that runs in the group and remove it; without a name: the whole lab's."""
    group = root() / name if name else root()
    deadline = time.monotonic() + timeout_s
    while group.exists():
        (group / "cgroup.kill").write_text("1")
        for folder, _, _ in os.walk(group, topdown=False):
            try:
                Path(folder).rmdir()
            except OSError:
                break
        if time.monotonic() > deadline:
            raise LabError(
                f"lab: {group}: processes do not end (got {list(processes(name))}); "
                "look for what holds them, then run `python -m lab down` again"
            )
        if group.exists():
            time.sleep(0.02)
