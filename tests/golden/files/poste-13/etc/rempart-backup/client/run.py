"""Back up to one target, and leave what came of it for others to read."""

import fcntl
import json
import os
import secrets
import time
from pathlib import Path
from typing import Any

from .look import changed_canaries, low_battery
from .restic import STATE, literal, now, plugged, restic, write

DUMPS = Path("/var/lib/rempart-dump")
Answer = tuple[int, dict[str, Any], list[str], str]
"""restic's exit code, its summary, what it could not read, and its other words."""

NOT_PLUGGED = 4
"""The exit code after which the service does not try by itself: a removable disk is asked for."""
MOST_NAMES = 100
LOCKED = 11
"""restic's exit code since 0.17; before, it says so."""
LOCK_WAIT_S = 30 * 60
RETRY_S = 30


def run(target: str, wanted: dict[str, Any]) -> int:
    """Back up once it is this target's turn; return the exit code."""
    with (STATE / "turn").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # one target after the other
        return _take_turn(target, wanted)


def is_due(target: str, wanted: dict[str, Any]) -> bool:
    """Tell whether a removable disk is there, and has no copy of this visit yet."""
    visit = plugged(target, wanted)
    try:
        last = json.loads((STATE / f"{target}.json").read_text())
    except (OSError, ValueError):
        last = {}
    has_it = last.get("visit") == visit and last.get("outcome") != "failed"
    return bool(visit) and not has_it


def _take_turn(target: str, wanted: dict[str, Any]) -> int:
    started, visit = now(), plugged(target, wanted) if wanted["removable"] else None
    if visit == "":
        print(f"{target}: is not plugged in, or its server cannot be asked")
        return NOT_PLUGGED
    # Made anew and part of the backup: only a copy that was made since has it.
    nonce = secrets.token_hex(16)
    write(STATE / f"{target}.nonce", f"{nonce} {started}\n")
    missing = [path for path in wanted["paths"] if not os.path.lexists(path)]
    present = [path for path in wanted["paths"] if path not in missing]
    undumped = _undumped(wanted["paths"])
    canaries = changed_canaries(wanted["canaries"])
    code, summary, unread, said = _when_powered(target, wanted, present)
    outcome = _outcome(code, summary, missing or unread or undumped)
    result = {
        "schema": 1,
        "outcome": outcome,
        "run": os.environ.get("INVOCATION_ID", ""),
        "visit": visit,
        "started": started,
        "ended": now(),
        "snapshot": summary.get("snapshot_id"),
        "files": summary.get("total_files_processed"),
        "bytes": summary.get("total_bytes_processed"),
        "added": summary.get("data_added"),
        "nonce": nonce,
        "missing": missing,
        "undumped": undumped,
        "canaries": canaries,
        "unread": unread[:MOST_NAMES],
        "unread_count": len(unread),
        "error": said[-2000:] if outcome == "failed" else "",
    }
    write(STATE / f"{target}.json", json.dumps(result, indent=2) + "\n")
    print(f"{target}: {outcome}", *missing, *undumped, *canaries, *unread[:MOST_NAMES], sep="\n  ")
    again = NOT_PLUGGED if wanted["removable"] else 1
    return {"complete": 0, "partial": 3, "failed": again}[outcome]


def _undumped(paths: list[str]) -> list[str]:
    """Return which databases gave no dump this time; it has just been tried."""
    if str(DUMPS) not in paths:
        return []
    try:
        failed: list[str] = json.loads((DUMPS / "result.json").read_text())["failed"]
    except (OSError, ValueError, KeyError):
        return ["no dump was made; see journalctl -u rempart-dump"]
    return failed[:MOST_NAMES]


def _outcome(code: int, summary: dict[str, Any], incomplete: object) -> str:
    if code not in (0, 3) or "snapshot_id" not in summary:
        return "failed"
    return "partial" if code == 3 or incomplete else "complete"


def _when_powered(target: str, wanted: dict[str, Any], paths: list[str]) -> Answer:
    """Back up, unless the battery is about to end: the service tries again soon."""
    left = low_battery()
    if left is not None:
        return 1, {}, [], f"not begun: its battery is at {left} %; plug it in"
    return _patiently(target, wanted, paths)


def _patiently(target: str, wanted: dict[str, Any], paths: list[str]) -> Answer:
    """Back up; wait while somebody holds the repository's lock. Stale locks are removed, alone."""
    until = time.monotonic() + LOCK_WAIT_S
    while True:
        answer = _backup(target, wanted, paths)
        locked = answer[0] == LOCKED or "repository is already locked" in answer[3]
        if not locked or time.monotonic() > until:
            return answer
        restic(target, wanted, ["unlock"])
        time.sleep(RETRY_S)


def _backup(target: str, wanted: dict[str, Any], paths: list[str]) -> Answer:
    arguments = ["backup", "--json", "--host", wanted["host"], "--exclude-caches"]
    arguments += [f"--exclude={literal(path)}" for path in wanted["exclude"]]
    done = restic(target, wanted, [*arguments, "--", *paths])
    summary, unread, said = {}, [], []
    for line in (*done.stdout.splitlines(), *done.stderr.splitlines()):
        try:
            message = json.loads(line)
            kind = message["message_type"]
        except (ValueError, TypeError, KeyError):
            said.append(line)
            continue
        if kind == "summary":
            summary = message
        elif kind == "error":
            unread.append(str(message.get("item")))
    said.sort(key=lambda line: "rempart: " in line)  # the server's reason counts, and comes last
    return done.returncode, summary, unread, "\n".join(said)
