"""Maintenance: snapshots that are no longer wanted go, with what they alone need, and nothing else.

A host that is somebody else's can lay an index by which restic's own prune would delete everything
old. So prune works on links beside the repository, which is closed meanwhile; all that stays is
read to the last byte before and after; and what goes is put aside for a month, root's alone.
restic gets its password over its input, and reads what is in the backups: on this server.
"""

import datetime
import hashlib
import os
import pwd
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path
from subprocess import SubprocessError
from typing import Any

from .commit import Commit, carry_out, unfinished, work_of
from .ledger import ID, alarm, entries_of, known, note, state_file, young
from .restic import Restic, ResticError
from .rewind import lay, parted
from .room import close, room

ASIDE_DAYS = 30


class NotMaintained(Exception):
    """Why everything stays as it is."""


def maintain(name: str, about: dict[str, Any], order: dict[str, Any]) -> dict[str, Any]:
    """Forget the snapshots of ``order["forget"]``, prune, and report; the caller has the turn.

    ``order["password"]`` opens the repository; with ``order["dry_run"]`` nothing is put in place.
    """
    folder, began = Path(about["folder"]), time.monotonic()
    work = work_of(folder)
    try:
        close(folder, closed=True)
        _end_sessions(about["user"])
        note(name, folder)
        _put_halves_aside(name, folder)
        report = _maintained(name, folder, work, order)
    except (NotMaintained, ResticError, OSError, SubprocessError) as error:
        report = {"ok": False, "why": str(error)[-500:]}
        if not entries_of(state_file(name, "alarms")):
            alarm(name, [("maintenance stopped", report["why"])])
    finally:
        if unfinished(name) is None:
            shutil.rmtree(work, ignore_errors=True)
        close(folder, closed=bool(room(folder, about).why_full))
    return {**report, "seconds": round(time.monotonic() - began, 1)}


def _maintained(name: str, folder: Path, work: Path, order: dict[str, Any]) -> dict[str, Any]:
    if alarms := entries_of(state_file(name, "alarms")):
        raise NotMaintained(f"{len(alarms)} alarms that nobody has released")
    before = known(state_file(name, "ledger"))
    lay(folder, work, list(before))
    work.chmod(0o700)
    restic = Restic(work, order["password"])
    here = {path.removeprefix("snapshots/") for path in before if path.startswith("snapshots/")}
    if not all(map(ID.fullmatch, here)):
        raise NotMaintained("names of snapshots that are none of restic's")
    forget = [each for each in order["forget"] if each in here]
    keep = sorted(here.difference(forget))
    if not keep:
        raise NotMaintained("no snapshot would be left")
    restic.run("check", "--read-data")
    needed, sample = restic.needed(keep), restic.digests(restic.sample(keep))
    if forget:
        restic.run("forget", "--", *forget)
        restic.run("prune")
    after = _objects(work)
    if forget:
        _prove(restic, keep, needed, sample)
        if _objects(work) != after:
            raise NotMaintained("somebody else is at the links")
    commit = Commit(
        name=name,
        moment=_stamp(),
        added=[path for path in after if path not in before],
        removed=[path for path in before if path not in after],
        was_read=True,
    )
    size = sum(before[path][0] for path in commit.removed)
    if not order.get("dry_run"):
        carry_out(commit, folder, work)
        _purge_aside(folder)
    return {
        "ok": True,
        "why": "",
        "forgotten": len(forget),
        "kept": len(keep),
        "needed_bytes": needed[1],
        "aside_bytes": size,
        "aside_objects": len(commit.removed),
        "compared": len(sample),
    }


def cut(name: str, about: dict[str, Any], until: datetime.datetime) -> dict[str, Any]:
    """Put all aside that arrived after a moment; the caller has the turn."""
    folder = Path(about["folder"])
    try:
        close(folder, closed=True)
        _end_sessions(about["user"])
        note(name, folder)
        kept, later = parted(name, until)
        later = [path for path in later if path.startswith(("data/", "index/", "snapshots/"))]
        if not any(path.startswith("snapshots/") for path in kept):
            raise NotMaintained("no snapshot would be left")
        carry_out(Commit(name, _stamp(), [], later), folder, work_of(folder))
    except NotMaintained as error:
        return {"ok": False, "why": str(error)}
    finally:
        close(folder, closed=bool(room(folder, about).why_full))
    return {"aside_objects": len(later)}


def _stamp() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S%fZ")


def _prove(
    restic: Restic, keep: list[str], needed: tuple[int, int], sample: dict[tuple[str, str], str]
) -> None:
    """See that all that is wanted is there as it was; NotMaintained when it is not."""
    if restic.snapshots() != keep:
        raise NotMaintained("other snapshots are left than are wanted")
    if restic.needed(keep)[0] != needed[0]:
        raise NotMaintained("what is left needs other data than before")
    restic.run("check", "--read-data")
    again: dict[str, list[str]] = {}
    for snapshot, path in sample:
        again.setdefault(snapshot, []).append(path)
    if restic.digests(again) != sample:
        raise NotMaintained("a sample of files came back otherwise than before")


def _objects(work: Path) -> set[str]:
    """Return what is left of the links, and what prune has written beside them; no locks."""
    found = [path for path in work.rglob("*") if path.is_symlink() or path.is_file()]
    names = [str(path.relative_to(work)) for path in found]
    return {name for name in names if not name.startswith("locks/")}


def _end_sessions(user: str) -> None:
    """End what the host has open here: what is closed by now may still be written by it.

    Who comes later can only read. Locks of what has ended are nobody's.
    """
    account = pwd.getpwnam(user).pw_uid
    here = [each for each in Path("/proc").glob("[0-9]*") if _is_of(each, account)]
    for end, wait_s in ((signal.SIGTERM, 5), (signal.SIGKILL, 60)):
        for each in here:
            with suppress(ProcessLookupError):
                os.kill(int(each.name), end)
        until = time.monotonic() + wait_s
        while here and time.monotonic() < until:
            here = [each for each in here if _is_of(each, account)]
            time.sleep(0.1)
    if here:
        raise NotMaintained(f"{user}'s sessions do not end")


def _is_of(process: Path, account: int) -> bool:
    try:
        return process.stat().st_uid == account
    except FileNotFoundError:
        return False


def _put_halves_aside(name: str, folder: Path) -> None:
    """Put aside what a session that ended has left half written: names are SHA-256 of contents."""
    halves = []
    for path in young(name):
        content = folder / path
        if path.count("/") and content.is_file():
            with content.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            halves += [path] if digest != content.name else []
    if halves:
        carry_out(Commit(name, _stamp(), [], halves), folder, work_of(folder))


def _purge_aside(folder: Path) -> None:
    """Delete what has been aside for long enough."""
    oldest = time.time() - ASIDE_DAYS * 24 * 3600
    for each in folder.with_name(f"{folder.name}.aside").glob("*"):
        if each.stat().st_mtime < oldest:
            shutil.rmtree(each)
