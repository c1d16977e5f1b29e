"""A visit of a removable disk: hosts bring their copies, which are checked, and it may go.

`disk.py visit TARGET` when it is plugged in. For an operator, `disk.py mount TARGET` mounts it and
no more, and the visit does not end between `stay TARGET` and `leave TARGET`.
"""

import hashlib
import secrets
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from .disk import Disk, DiskError
from .ledger import alarm, iso, note, seen, told
from .serve import MARK
from .turn import alone, turn

PATIENCE_S = 4 * 3600
"""How long is waited for hosts that do not come, once nobody is bringing anything."""
LONGEST_S = 24 * 3600
LOOK_S = 5
PARTS = 8
"""What had come before is read in turn, an eighth at each visit."""


def main() -> int:
    """Do what the command line asks for; say why not."""
    act, target = sys.argv[1:]
    acts: dict[str, Callable[[Disk], None]]
    acts = {"visit": visit, "mount": Disk.mount, "stay": Disk.stay, "leave": Disk.leave}
    try:
        acts[act](Disk(target))
    except (DiskError, OSError) as error:
        print(f"{target}: {error}", file=sys.stderr)
        return 1
    return 0


def visit(disk: Disk) -> None:
    """Wait for the copies, check what has come, let the disk go, and say so."""
    with alone(disk.visiting) as is_ours:
        if not is_ours:
            return
        disk.mount()
        since, count = time.time(), told(disk.target).get("visits", 0) + 1
        disk.tell(state="waiting", since=iso(since), visits=count, without=sorted(disk.folders))
        try:
            without = _wait(disk, since)
            damaged = _check(disk, since, count % PARTS)
        except OSError as error:
            disk.drop()
            disk.tell(state="pulled")
            raise DiskError(f"was pulled out before it was checked ({error})") from None
        finally:
            disk.wish.unlink(missing_ok=True)
        disk.tell(state="free", without=without, damaged=damaged, checked=iso(time.time()))
        print(f"{disk.target}: may be unplugged; without: {', '.join(without) or 'nobody'}")


def _wait(disk: Disk, since: float) -> list[str]:
    """Wait until all have come, or come no more, and nobody uses it; return who has not come."""
    mark = disk.root / MARK
    mark.unlink(missing_ok=True)
    with mark.open("x") as stream:
        stream.write(f"{secrets.token_hex(8)}\n")
    while True:
        if not disk.is_there:
            raise OSError("it is gone")
        waiting = [name for name, folder in disk.folders.items() if not _came(folder, since)]
        disk.tell(without=waiting)
        able = [name for name in waiting if (disk.folders[name] / "config").exists()]
        waited = time.time() - since
        wish = disk.wish.read_text() if disk.wish.exists() else ""
        is_over = not disk.sessions() and (wish == "leave" or not able or waited > PATIENCE_S)
        if wish != "stay" and (is_over or waited > LONGEST_S):
            break
        time.sleep(LOOK_S)
    mark.unlink()
    return waiting


def _came(folder: Path, since: float) -> bool:
    snapshots = folder / "snapshots"
    return snapshots.exists() and any(each.lstat().st_ctime > since for each in snapshots.iterdir())


def _check(disk: Disk, since: float, part: int) -> int:
    """Note what has come, and read it from the disk itself, and a part of the rest.

    Return how many objects are damaged. The disk is unmounted then.
    """
    for name, folder in disk.folders.items():
        with turn(name, folder, LONGEST_S):
            note(name, folder)
    disk.let_go()
    disk.tell(state="checking")
    disk.mount("ro")
    damaged = 0
    for name, folder in disk.folders.items():
        wrong = [path for path in _due(folder, since, part) if not _is_whole(folder / path)]
        alarm(name, [("is damaged", path) for path in wrong])
        damaged += len(wrong)
    disk.let_go()
    return damaged


def _due(folder: Path, since: float, part: int) -> Iterator[str]:
    for path, (_, ctime) in seen(folder).items():
        is_of_part = zlib.crc32(path.encode()) % PARTS == part
        if path != "config" and (ctime / 1e9 > since or is_of_part):
            yield path


def _is_whole(path: Path) -> bool:
    """Tell whether an object's name is its SHA-256."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == path.name
