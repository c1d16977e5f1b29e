"""Note what arrives in the repositories of this server, by its own clock, and what must not happen.

Hosts only bring: whatever is gone or changed is an alarm, which stays until an operator releases
it.
"""

import datetime
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from .room import is_closed, room

STATE = Path("/var/lib/rempart-ingest")
KEPT = ("config", "keys", "data", "index", "snapshots")
"""Of a repository; locks come and go."""

ID = re.compile("[0-9a-f]{64}")
OBJECT = re.compile(f"config|(keys|index|snapshots)/{ID.pattern}|data/[0-9a-f]{{2}}/{ID.pattern}")
"""What restic brings: its design document, "Repository Layout"."""

YOUNG_S = 15 * 60
"""An object that is longer there is not being written any more."""

MOST_ALARMS = 20
Seen = dict[str, tuple[int, int]]
"""Path -> size in bytes, ctime in nanoseconds: nobody but the kernel sets it, stat(2)."""


def note(name: str, folder: Path) -> None:
    """Append what is new since the last time, and an alarm for what is not as it arrived.

    What has just come may still be on its way: it is noted as young, and settled later. Where the
    repository is not there, its disk is not either, and nothing is noted.
    """
    ledger = state_file(name, "ledger")
    entries, gone_before = _history(ledger)
    if entries and not (folder / "config").exists():
        return
    moment, present, alarms = time.time(), seen(folder), []
    gone, new = [], [path for path in present if path not in entries]
    for path, entry in entries.items():
        was, is_young = (entry["size"], entry["ctime"]), entry.get("young", False)
        if present.get(path) != was:
            what = "changed" if path in present else "gone"
            gone.append(path)
            new += [path] if path in present else []
            alarms += [] if is_young else [(what, path)]
        elif is_young and not _is_young(was[1], moment):
            new.append(path)
    alarms += [("is nothing of restic's", path) for path in new if not OBJECT.fullmatch(path)]
    # Names are digests of what was encrypted anew: nobody makes the same again.
    alarms += [("is back that was gone", path) for path in new if path in gone_before]
    alarm(name, sorted(alarms))
    append(ledger, [{"gone": path} for path in gone])
    append(ledger, arrived(present, new, moment))


def _is_young(ctime_ns: int, moment: float) -> bool:
    return moment - ctime_ns / 1e9 < YOUNG_S


def _history(ledger: Path) -> tuple[dict[str, dict[str, Any]], set[str]]:
    """Return what the ledger says of each object that is there, and which ones had been."""
    found: dict[str, dict[str, Any]] = {}
    gone = set()
    for entry in entries_of(ledger):
        if "gone" in entry:
            was = found.pop(entry["gone"], {"young": True})
            gone |= set() if was.get("young") else {entry["gone"]}
        elif "path" in entry:
            found[entry["path"]] = entry
    return found, gone


def alarm(name: str, alarms: list[tuple[str, str]]) -> None:
    """Raise alarms: what has happened, and to what."""
    now = iso(datetime.datetime.now(datetime.UTC).timestamp())
    entries = [{"noted": now, "alarm": what, "path": path} for what, path in alarms]
    if entries:
        append(state_file(name, "alarms"), entries)


def arrived(present: Seen, paths: list[str], moment: float) -> list[dict[str, Any]]:
    """Return the ledger's entries for new objects."""
    entries = []
    for path in paths:
        size, ctime = present[path]
        young = {"young": True} if _is_young(ctime, moment) else {}
        entries.append({"path": path, "size": size, "ctime": ctime, "noted": iso(moment), **young})
    return entries


def status(name: str, about: dict[str, Any]) -> dict[str, Any]:
    """Return what the ledger says of a repository, and how much room it has."""
    folder = Path(about["folder"])
    alarms = entries_of(state_file(name, "alarms"))
    ledger = state_file(name, "ledger")
    maintained = [each["maintained"] for each in entries_of(ledger) if "maintained" in each]
    there = (folder / "config").exists()
    snapshots = _snapshots(folder) if there else arrivals(name).values()
    return {
        "is_there": there,
        "snapshots": len(snapshots),
        "newest": max(snapshots, default=None),
        "noted": iso(ledger.stat().st_mtime) if ledger.exists() else None,
        "maintained": max(maintained, default=None),
        "alarms": alarms[-MOST_ALARMS:],
        "alarm_count": len(alarms),
        "released": released(name),
        "closed": there and is_closed(folder),
        "room": room(folder, about)._asdict() if there else None,
        "disk": told(name.partition("/")[2]) if about["disk"] else None,
    }


def _snapshots(folder: Path) -> list[str]:
    return [iso(ctime / 1e9) for _, (_, ctime) in _files(folder, "snapshots")]


def arrivals(name: str) -> dict[str, str]:
    """Return when each snapshot that is there arrived, by its id."""
    return {
        path.removeprefix("snapshots/"): iso(ctime / 1e9)
        for path, (_, ctime) in known(state_file(name, "ledger")).items()
        if path.startswith("snapshots/")
    }


def released(name: str) -> str | None:
    """Return until when an operator has seen all that was wrong, and has accepted it."""
    moments = [each["until"] for each in entries_of(state_file(name, "released"))]
    return max(moments, default=None)


def release(name: str, who: str) -> dict[str, Any]:
    """Note that an operator has seen all alarms until now; they are kept."""
    until = iso(datetime.datetime.now(datetime.UTC).timestamp())
    alarms = state_file(name, "alarms")
    seen_now = entries_of(alarms)
    append(state_file(name, "released"), [{"until": until, "by": who, "alarms": seen_now}])
    alarms.unlink(missing_ok=True)
    return {"until": until, "alarms": len(seen_now)}


def looked(name: str, until: str, who: str) -> dict[str, Any]:
    """Note that what arrived until a moment was looked at, and nothing was wrong."""
    append(state_file(name, "released"), [{"until": until, "by": who}])
    return {"until": until}


def known(ledger: Path) -> Seen:
    """Return what has arrived, by what was noted of it."""
    return {path: (e["size"], e["ctime"]) for path, e in _history(ledger)[0].items()}


def young(name: str) -> list[str]:
    """Return what had just come when it was noted last."""
    entries, _ = _history(state_file(name, "ledger"))
    return [path for path, entry in entries.items() if entry.get("young")]


def seen(folder: Path) -> Seen:
    """Return what is in a repository."""
    return dict(each for kind in KEPT for each in _files(folder, kind))


def _files(folder: Path, kind: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the files of one kind; links are not followed."""
    above = [folder / kind]
    while above:
        path = above.pop()
        try:
            found = path.lstat()
        except FileNotFoundError:
            continue  # of this moment
        if path.is_dir() and not path.is_symlink():
            above += path.iterdir()
        else:
            name = str(path.relative_to(folder)).encode(errors="surrogateescape")
            yield name.decode(errors="backslashreplace"), (found.st_size, found.st_ctime_ns)


def state_file(name: str, kind: str) -> Path:
    """Return where something is kept about a repository."""
    return STATE / f"{name.replace('/', '--')}.{kind}"


def disk_file(target: str) -> Path:
    """Return where something is kept about a removable disk."""
    return STATE / f"{target}.disk"


def entries_of(file: Path) -> list[dict[str, Any]]:
    """Return the lines of a file, those that a power cut has halved left out."""
    entries = []
    with suppress(FileNotFoundError), file.open() as stream:
        for line in stream:
            with suppress(ValueError):
                entries.append(json.loads(line))
    return entries


def told(target: str) -> dict[str, Any]:
    """Return what was said last of a removable disk."""
    try:
        found: dict[str, Any] = json.loads(disk_file(target).read_text())
    except (OSError, ValueError):
        return {}
    return found


def append(file: Path, entries: list[dict[str, Any]]) -> None:
    """Add lines; one that a power cut has halved is left alone and comes again."""
    if entries:
        with file.open("a") as stream:
            stream.write("".join(f"\n{json.dumps(entry)}" for entry in entries))
            stream.flush()
            os.fsync(stream.fileno())
    file.touch()


def iso(timestamp: float) -> str:
    """Return a moment, in seconds since 1970, to the microsecond: arrivals are told apart by it."""
    return datetime.datetime.fromtimestamp(timestamp, datetime.UTC).isoformat()
