"""Lay a view of a repository that lies, beside it: who reads there has to notice.

The repository itself stays as it is, and what arrived before the last backup is in the view too.
"""

import datetime
import os
import shutil
from pathlib import Path
from subprocess import SubprocessError
from typing import Any

from .restic import Restic, ResticError
from .rewind import lay, parted


def sabotage(name: str, folder: Path, order: dict[str, Any]) -> dict[str, Any]:
    """Lay the view that ``order["mode"]`` names, spoilt from ``order["since"]`` on; '' removes it.

    ``order["password"]`` opens the repository, for the one mode that takes it.
    """
    view = folder.with_name(f"{folder.name}.sabotaged")
    if not order["mode"]:
        shutil.rmtree(view, ignore_errors=True)
        return {"ok": True}
    kept, later = parted(name, datetime.datetime.fromisoformat(order["since"]))
    packs = [path for path in later if path.startswith("data/")]
    others = [path for path in later if path not in packs]
    try:
        match order["mode"]:
            case "stale-snapshot":
                lay(folder, view, kept)
            case "missing-pack":
                lay(folder, view, [*kept, *others])
            case "corrupt-pack":
                lay(folder, view, [*kept, *later])
                _corrupt(folder, view, packs)
            case "poisoned-index":
                lay(folder, view, [*kept, *later])
                _poison(folder, view, packs, order["password"])
    except (ResticError, OSError, SubprocessError, ValueError) as error:
        return {"ok": False, "why": str(error)[-500:]}
    return {"ok": True}


def _corrupt(folder: Path, view: Path, packs: list[str]) -> None:
    """Put packs of the same sizes there, of zeros: they take no room."""
    for pack in packs:
        (view / pack).unlink()
        with (view / pack).open("wb") as file:
            file.truncate((folder / pack).stat().st_size)
        _give(view / pack, folder)


def _poison(folder: Path, view: Path, packs: list[str], password: str) -> None:
    """Have the index name the wrong packs: it is made while they have each other's names."""
    if len(packs) < 2:
        raise ValueError("too little has arrived for that")
    for index in (view / "index").iterdir():
        index.unlink()
    _link(folder, view, packs, [*packs[1:], packs[0]])
    Restic(view, password).run("rebuild-index")
    _link(folder, view, packs, packs)
    for index in (view / "index").iterdir():
        _give(index, folder)


def _link(folder: Path, view: Path, names: list[str], contents: list[str]) -> None:
    for path, content in zip(names, contents, strict=True):
        (view / path).unlink()
        (view / path).symlink_to(folder / content)


def _give(file: Path, folder: Path) -> None:
    """Let the host read a file."""
    os.chown(file, 0, folder.stat().st_gid)
    file.chmod(0o440)
