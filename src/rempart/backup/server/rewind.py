"""Lay a view of a repository as it was at a moment, beside it."""

import datetime
import os
import shutil
from pathlib import Path

from .ledger import entries_of, known, state_file


def rewind(name: str, folder: Path, until: datetime.datetime) -> dict[str, int]:
    """Lay a view beside the repository, of what had arrived by then; return how much that is.

    Links, and no hard ones: those would change the files' ctime.
    """
    kept, later = parted(name, until)
    new, view = (folder.with_name(f"{folder.name}.rewound{end}") for end in (".new", ""))
    lay(folder, new, kept)
    shutil.rmtree(view, ignore_errors=True)
    new.rename(view)
    count = sum(path.startswith("snapshots/") for path in kept)
    return {"snapshots": count, "objects": len(kept), "left_out": len(later)}


def parted(name: str, until: datetime.datetime) -> tuple[list[str], list[str]]:
    """Return the objects that had arrived by a moment, and those that came later.

    What the last maintenance left it had read to the last byte: of that, the snapshots alone are
    told apart by their arrival.
    """
    ledger = state_file(name, "ledger")
    maintained = [each["maintained"] for each in entries_of(ledger) if "maintained" in each]
    moments = [datetime.datetime.fromisoformat(each).timestamp() for each in maintained]
    objects_until = max([until.timestamp(), *moments])
    kept: list[str] = []
    later: list[str] = []
    for path, (_, ctime) in known(ledger).items():
        end = until.timestamp() if path.startswith("snapshots/") else objects_until
        (kept if ctime / 1e9 <= end else later).append(path)
    return kept, later


def lay(folder: Path, view: Path, kept: list[str]) -> None:
    """Make a folder of links to objects of a repository, which its group can read."""
    shutil.rmtree(view, ignore_errors=True)
    group = folder.stat().st_gid
    for path in ("", "data", "index", "keys", "locks", "snapshots", *_folders(kept)):
        (view / path).mkdir(mode=0o700, exist_ok=True)
        os.chown(view / path, 0, group)
        (view / path).chmod(0o750)
    for path in kept:
        (view / path).symlink_to(folder / path)


def _folders(paths: list[str]) -> list[str]:
    """Return the folders that these paths are in, the upper ones first."""
    return sorted({str(above) for path in paths for above in Path(path).parents})
