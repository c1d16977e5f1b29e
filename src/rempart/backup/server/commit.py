"""Put what maintenance has made in place, in steps that are finished after a power cut."""

import json
import os
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from .ledger import append, arrived, iso, known, seen, state_file


@dataclass(frozen=True)
class Commit:
    """Objects to add to a repository, and to put aside, as paths below it."""

    name: str
    moment: str
    added: list[str]
    removed: list[str]
    was_read: bool = False
    """Whether all that stays was read to the last byte."""


def work_of(folder: Path) -> Path:
    """Return where maintenance lays its links."""
    return folder.with_name(f"{folder.name}.maintained")


def carry_out(commit: Commit, folder: Path, work: Path) -> None:
    """Note what will be done, do it, and note it as done."""
    plan = state_file(commit.name, "commit")
    new = plan.with_suffix(".new")
    with new.open("w") as stream:
        json.dump(asdict(commit), stream)
        stream.flush()
        os.fsync(stream.fileno())
    for path in commit.added:
        _seal(work / path, folder)
    os.sync()
    new.replace(plan)
    os.sync()
    _finish(commit, folder, work)


def unfinished(name: str) -> Commit | None:
    """Return what a power cut or a kill has left half done."""
    try:
        return Commit(**json.loads(state_file(name, "commit").read_text()))
    except FileNotFoundError:
        return None


def tidy(name: str, folder: Path) -> None:
    """Do the rest of what was noted, or undo what was not; readers find all that is wanted."""
    work, commit = work_of(folder), unfinished(name)
    if commit:
        _finish(commit, folder, work)
    elif work.exists():
        shutil.rmtree(work)


def _finish(commit: Commit, folder: Path, work: Path) -> None:
    """Add first, then put aside: indexes before packs, so that none is listed and missing."""
    aside = folder.with_name(f"{folder.name}.aside")
    aside.mkdir(mode=0o700, exist_ok=True)
    for path in commit.added:
        _move(work / path, folder / path)
    for path in sorted(commit.removed, key=lambda each: (each.startswith("data/"), each)):
        _move(folder / path, aside / commit.moment / path)
    os.sync()
    ledger = state_file(commit.name, "ledger")
    before, present, now = known(ledger), seen(folder), time.time()
    gone = [{"gone": path} for path in commit.removed if path in before]
    new = [path for path in commit.added if path in present and path not in before]
    mark = [{"maintained": iso(now)}] if commit.was_read else []
    append(ledger, [*gone, *arrived(present, new, now), *mark])
    shutil.rmtree(work, ignore_errors=True)
    state_file(commit.name, "commit").unlink()


def _seal(path: Path, folder: Path) -> None:
    """Give a new object to root, readable by the repository's account and never to be written."""
    os.chown(path, 0, folder.stat().st_gid)
    path.chmod(0o440)


def _move(old: Path, new: Path) -> None:
    if old.exists():
        new.parent.mkdir(parents=True, exist_ok=True)
        old.rename(new)
