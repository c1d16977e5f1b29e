"""How much room a repository has, and closing it: from a closed one hosts only read."""

import os
import time
from pathlib import Path
from typing import Any, NamedTuple

OBJECTS = ("index", "locks", "snapshots")
LOCK_S = 2 * 3600
OPEN, CLOSED = 0o1770, 0o750


class Room(NamedTuple):
    """Bytes and files of a repository, its limits, and what is free on its disk."""

    bytes: int
    files: int
    most_bytes: int
    most_files: int | None
    """None where the file system makes inodes as it needs them."""
    free_bytes: int
    free_files: int | None
    reserve_bytes: int
    reserve_files: int | None
    share_bytes: int
    share_files: int | None
    """Its part of what is not reserved, were all repositories there of one size."""

    @property
    def why_full(self) -> str:
        """Return which limit is reached, or ''.

        At the reserve those stop who have more than their part; at half of it, all.
        """
        if self.bytes >= self.most_bytes or _reaches(self.files, self.most_files):
            return "its quota is used up"
        is_large = self.bytes >= self.share_bytes or _reaches(self.files, self.share_files)
        reserve = self.reserve_bytes if is_large else self.reserve_bytes // 2
        files = (self.reserve_files or 0) if is_large else (self.reserve_files or 0) // 2
        few = self.free_files is not None and self.free_files <= files
        return "the disk is down to its reserve" if self.free_bytes <= reserve or few else ""


def _reaches(count: int, limit: int | None) -> bool:
    return limit is not None and count >= limit


def room(folder: Path, about: dict[str, Any]) -> Room:
    """Measure a repository against its `quota_percent` and `reserve_percent` of the disk."""
    disk = os.statvfs(folder)
    quota, reserve, sharers = (
        about[each] for each in ("quota_percent", "reserve_percent", "sharers")
    )
    total = disk.f_blocks * disk.f_frsize
    inodes = disk.f_files if disk.f_files > 0 else None
    size, files = _usage(folder)
    return Room(
        bytes=size,
        files=files,
        most_bytes=total * quota // 100,
        most_files=inodes and inodes * quota // 100,
        free_bytes=disk.f_bavail * disk.f_frsize,
        free_files=inodes and disk.f_favail,
        reserve_bytes=total * reserve // 100,
        reserve_files=inodes and inodes * reserve // 100,
        share_bytes=total * (100 - reserve) // 100 // sharers,
        share_files=inodes and inodes * (100 - reserve) // 100 // sharers,
    )


def _usage(folder: Path) -> tuple[int, int]:
    """Return bytes on the disk and number of entries below a folder, folders included."""
    size = files = 0
    for above, folders, names in os.walk(folder):
        for name in (*folders, *names):
            try:
                size += os.lstat(f"{above}/{name}").st_blocks * 512
                files += 1
            except FileNotFoundError:
                continue  # of this moment
    return size, files


def drop_old_locks(folder: Path) -> None:
    """Remove locks that nobody renews: restic does every five minutes, by a new file."""
    oldest = time.time() - LOCK_S
    for lock in (folder / "locks").iterdir():
        if lock.lstat().st_ctime < oldest and not lock.is_dir():
            lock.unlink()


def is_closed(folder: Path) -> bool:
    """Tell whether hosts only read from a repository."""
    return (folder / "snapshots").stat().st_mode & 0o020 == 0


def close(folder: Path, *, closed: bool) -> None:
    """Close a repository, or open it; what is being written goes on."""
    objects = [folder / kind for kind in OBJECTS]
    objects += [each for each in (folder / "data").iterdir() if each.is_dir()]
    for each in objects:
        each.chmod(CLOSED if closed else OPEN)
