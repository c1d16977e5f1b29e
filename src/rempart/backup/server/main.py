"""Note what arrives, tell what has, and lay views of what had.

`ledger.py note` by a timer. For who asks: `ledger.py status`, and with HOST/TARGET `arrivals`,
`rewind MOMENT`, `looked MOMENT WHO`, `release WHO`, `cut MOMENT` (puts aside what came later), and
`maintain` and `sabotage`, which read their order from their input, as JSON.
"""

import datetime
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from .config import repositories
from .ledger import alarm, arrivals, looked, note, release, status
from .maintain import cut, maintain
from .rewind import rewind
from .room import close, drop_old_locks, is_closed, room
from .sabotage import sabotage
from .turn import turn

PATIENCE_S = 120
"""Noting what has arrived takes seconds."""


def main() -> int:
    """Do what the command line asks for."""
    kept = repositories()
    match sys.argv[1:]:
        case ["note"]:
            for name, about in kept.items():
                _try_to_note(name, about)
        case ["status"]:
            print(json.dumps(dict(_statuses(kept))))
        case ["arrivals", name]:
            print(json.dumps(arrivals(name)))
        case ["looked", name, moment, who]:
            print(json.dumps(looked(name, moment, who)))
        case ["release", name, who]:
            print(json.dumps(_alone(name, kept[name], lambda _: release(name, who))))
        case ["maintain", name]:
            order = json.load(sys.stdin)
            print(json.dumps(_alone(name, kept[name], lambda about: maintain(name, about, order))))
        case ["cut", name, moment]:
            until = datetime.datetime.fromisoformat(moment)
            print(json.dumps(_alone(name, kept[name], lambda about: cut(name, about, until))))
        case ["rewind", name, moment]:
            until = datetime.datetime.fromisoformat(moment)
            print(json.dumps(rewind(name, Path(kept[name]["folder"]), until)))
        case ["sabotage", name]:
            print(json.dumps(sabotage(name, Path(kept[name]["folder"]), json.load(sys.stdin))))
    return 0


def _statuses(kept: dict[str, dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield how repositories stand; one that cannot be read is as good as unknown."""
    for name, about in kept.items():
        with suppress(OSError):
            yield name, status(name, about)


def _try_to_note(name: str, about: dict[str, Any]) -> None:
    """Note a repository; whatever is wrong with it, the others are noted too."""
    try:
        _note(name, about)
    except Exception as error:
        alarm(name, [("could not be noted", repr(error)[:500])])


def _note(name: str, about: dict[str, Any]) -> None:
    """Note what has arrived, and close a repository whose room is used up, or open it again."""
    folder = Path(about["folder"])
    with turn(name, folder) as is_ours:
        if is_ours:
            note(name, folder)
        if is_ours and (folder / "config").exists():
            drop_old_locks(folder)
            is_full = bool(room(folder, about).why_full)
            if is_closed(folder) != is_full:
                close(folder, closed=is_full)


def _alone(
    name: str, about: dict[str, Any], work: Callable[[dict[str, Any]], dict[str, Any]]
) -> dict[str, Any]:
    with turn(name, Path(about["folder"]), PATIENCE_S) as is_ours:
        return work(about) if is_ours else {"ok": False, "why": "somebody else is at it"}
