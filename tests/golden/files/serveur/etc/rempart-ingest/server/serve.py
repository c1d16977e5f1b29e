"""Serve a repository to the host that brings its copies there, whatever its key asks for.

sshd starts this with the repository's folder, as the host's account. Objects come, and none is
replaced or deleted; when the room is used up, nothing comes any more.
"""

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from .config import repositories
from .room import Room, is_closed, room

SERVE = ["rclone", "serve", "restic", "--stdio", "--append-only", "--config", ""]
LOOK_S, WALK_SHARE = 10, 20
"""How often the room is measured: that takes a twentieth of the time at most."""
GLANCE_S = 1
"""How often is looked at what is free on the disk, which is cheap."""
GRACE_S = 5
MARK = "plugged"
"""What a removable disk has at its root while copies are wanted there: the visit's name."""
VIEWS = ("rewound", "sabotaged")
"""What an operator has had laid beside a repository: links, in folders that no host can write."""
MOST_PROCESSES = 40
"""A session has four: sshd's, two of ours, and rclone."""


def main() -> int:
    """Serve until the host has done, or has used up its room."""
    folder = Path(sys.argv[1])
    wish = os.environ.get("SSH_ORIGINAL_COMMAND", "").strip()  # restic adds an empty word
    if wish in VIEWS:
        os.execvp(SERVE[0], [*SERVE, "--copy-links", f"{folder}.{wish}"])
    if wish == "plugged":
        mark = folder.with_name(MARK)
        print(mark.read_text().strip() if folder.exists() and mark.exists() else "")
        return 0
    kept = {each["folder"]: each for each in repositories().values()}
    about = kept.get(str(folder))
    if about is None or not folder.exists():
        print("rempart: there is no such repository any more", file=sys.stderr)
        return 1
    if is_closed(folder):
        print(f"rempart: closed: {room(folder, about).why_full or 'maintenance'}", file=sys.stderr)
    # New files are nobody's to write, their owner's neither: an upload that is held open cannot
    # replace what has arrived.
    os.umask(0o227)
    if _processes() > MOST_PROCESSES:
        print("rempart: too many sessions at once", file=sys.stderr)
        return 1
    with subprocess.Popen([*SERVE, str(folder)]) as server:
        while (code := _served(server, folder, about)) is None:
            continue
    return code


def _processes() -> int:
    """Return how many processes this account has."""
    found = 0
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError):
            found += process.stat().st_uid == os.getuid()
    return found


def _served(server: subprocess.Popen[bytes], folder: Path, about: dict[str, Any]) -> int | None:
    """Measure the room, then wait for a while, or until so much has come that it may be used up.

    Return the exit code once the session has ended.
    """
    began = time.monotonic()
    now = room(folder, about)
    if not is_closed(folder) and now.why_full:
        print(f"rempart: {now.why_full}", file=sys.stderr)
        server.terminate()  # it removes what is half written
        with suppress(subprocess.TimeoutExpired):
            return server.wait(GRACE_S)
        server.kill()
    until = time.monotonic() + max(LOOK_S, WALK_SHARE * (time.monotonic() - began))
    while time.monotonic() < until and (is_closed(folder) or not _may_be_full(folder, now)):
        with suppress(subprocess.TimeoutExpired):
            return server.wait(GLANCE_S)
    return None


def _may_be_full(folder: Path, before: Room) -> bool:
    """Tell whether what has gone from the disk since then would be too much, were it all ours."""
    disk = os.statvfs(folder)
    came = before.free_bytes - disk.f_bavail * disk.f_frsize
    files = (before.free_files or 0) - disk.f_favail
    left = min(before.most_bytes - before.bytes, before.free_bytes - before.reserve_bytes)
    is_many = before.most_files is not None and files >= before.most_files - before.files
    return 0 < left <= came or (came > 0 and left <= 0) or (files > 0 and is_many)
