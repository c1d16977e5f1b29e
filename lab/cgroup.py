"""One control group per host: what `down` kills and removes, whoever started it and died since.

Only the unified hierarchy (cgroup v2) is used. It is present on every Debian since 10, also where
PID 1 mounts the old ones beside it. See cgroups(7) and the kernel's admin-guide/cgroup-v2.
"""

import functools
import os
import time
from collections.abc import Sequence
from pathlib import Path

from lab.errors import LabError
from lab.requirements import program


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
    return [program("sh"), "-c", script, str(group / "cgroup.procs"), *argv]


def is_populated(name: str) -> bool:
    """Tell whether a process runs in the group or below it."""
    try:
        return "populated 1" in (root() / name / "cgroup.events").read_text()
    except OSError:
        return False


def init(name: str) -> int | None:
    """Return the id, seen from this machine, of the container's PID 1, or None when it is off.

    supervise.sh names the group `container`, nspawn `payload`, systemd `init.scope`.
    """
    listing = root() / name / "container" / "payload" / "init.scope" / "cgroup.procs"
    try:
        return next(filter(_is_init, map(int, listing.read_text().split())), None)
    except OSError:
        return None


def _is_init(pid: int) -> bool:
    """Tell whether a process is the first one inside; systemd's helpers are beside it at times."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    return any(
        line.startswith("NSpid:") and line.split()[-1] == "1" for line in status.splitlines()
    )


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
                f"lab: {group}: processes do not end (killed {timeout_s:.0f} s ago); "
                "see with `systemd-cgls` what holds them, then run `python -m lab down` again"
            )
        if group.exists():
            time.sleep(0.02)
