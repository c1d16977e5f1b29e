"""Prove the last backup: read a sample of it back and compare it with the files that are here."""

import datetime
import filecmp
import json
import random
import re
import shutil
import stat
import tempfile
import time
from pathlib import Path
from typing import Any

from .restic import CONFIG, STATE, literal, now, restic, words, write

VIEWS = ("corrupt-pack", "missing-pack", "poisoned-index", "stale-snapshot")
"""Ways to spoil what is read that the server has laid a view for."""


def drill(target: str, wanted: dict[str, Any], order: dict[str, Any]) -> int:
    """Read the nonce and random files of a snapshot back, and compare them with those here.

    With ``order["sabotage"]`` what is read is spoilt in that way, and the result is not kept.
    """
    started, mode = time.monotonic(), order["sabotage"]
    snapshot, nonce = order["snapshot"], STATE / f"{target}.nonce"
    back = STATE / "drill"
    wanted = _with_wrong_password(target, wanted) if mode == "wrong-password" else wanted
    # What a cache has would prove nothing of the server's copy.
    read = ["--no-lock", "--no-cache"]
    read += ["--option=rclone.args=sabotaged"] if mode in VIEWS else []
    shutil.rmtree(back, ignore_errors=True)
    until = started + order["within_s"]
    listed = restic(target, wanted, [*read, "ls", "--json", snapshot], until)
    error = words(listed)
    files = [] if error else _files(listed.stdout.splitlines(), {str(nonce)})
    if mode == "empty-source":
        first = wanted["paths"][0]
        files = [each for each in files if not f"{each['path']}/".startswith(f"{first}/")]
    sample = _sample(files, order["files"], order["bytes"])
    if not error:
        paths = [str(nonce), *(each["path"] for each in sample)]
        arguments = [*read, "restore", snapshot, "--verify", f"--target={back}"]
        arguments += [f"--include={literal(path)}" for path in paths]
        error = words(restic(target, wanted, arguments, until))
    took = time.monotonic() - started
    outcomes = [(each["path"], _compared(each, back)) for each in sample]
    copy = back / str(nonce).lstrip("/")
    result = {
        "schema": 1,
        "ended": now(),
        "snapshot": snapshot,
        "nonce": copy.is_file() and copy.read_text().split(" ")[0] == order["nonce"],
        "files": len(files),
        "empty": [path for path in wanted["paths"] if not _has_any(path, files, nonce)],
        "same": sum(what == "same" for _, what in outcomes),
        "changed_here": sum(what == "changed here" for _, what in outcomes),
        "different": [path for path, what in outcomes if what == "different"],
        "bytes": sum(each["size"] for each in sample),
        "seconds": round(took, 1),
        "error": error[-2000:],
    }
    shutil.rmtree(back, ignore_errors=True)
    if not mode:
        write(STATE / f"{target}.drill.json", json.dumps(result, indent=2) + "\n")
    print(json.dumps(result))
    return 0


def _with_wrong_password(target: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """Return what is wanted, with a password that opens nothing."""
    secrets = Path(tempfile.mkdtemp())  # in a /tmp that goes when this ends
    (secrets / "password").write_text("none\n")
    for name in ("key", "known_hosts"):
        (secrets / name).symlink_to(CONFIG / target / name)
    return {**wanted, "secrets": str(secrets)}


def _files(lines: list[str], without: set[str]) -> list[dict[str, Any]]:
    """Return the regular files that a listing has, with path, size (bytes) and mtime."""
    nodes = [node for node in map(json.loads, lines) if node["struct_type"] == "node"]
    regular = [node for node in nodes if node["type"] == "file" and node["path"] not in without]
    return [{"size": 0, **node} for node in regular]


def _has_any(path: str, files: list[dict[str, Any]], nonce: Path) -> bool:
    """Tell whether a wanted path has any file in the snapshot."""
    own = path == str(nonce)
    return own or any(each["path"] == path or each["path"].startswith(f"{path}/") for each in files)


def _sample(files: list[dict[str, Any]], most: int, most_bytes: int) -> list[dict[str, Any]]:
    """Return random files, of so many bytes together at most, and one of any size at least."""
    chosen: list[dict[str, Any]] = []
    size = 0
    for each in random.SystemRandom().sample(files, len(files)):
        if len(chosen) < most and (not chosen or size + each["size"] <= most_bytes):
            chosen.append(each)
            size += each["size"]
    return chosen


def _compared(node: dict[str, Any], back: Path) -> str:
    """Compare a file's copy with the file, unless that is another one by now."""
    here, copy = Path(node["path"]), back / node["path"].lstrip("/")
    try:
        about = here.lstat()
        moment = datetime.datetime.fromisoformat(re.sub(r"[.]\d+", "", node["mtime"]))
        is_same_file = stat.S_ISREG(about.st_mode) and about.st_size == node["size"]
        if not is_same_file or int(about.st_mtime) != int(moment.timestamp()):
            raise FileNotFoundError
    except FileNotFoundError:
        whole = copy.is_file() and copy.stat().st_size == node["size"]
        return "changed here" if whole else "different"
    if not copy.is_file() or copy.is_symlink():
        return "different"
    return "same" if filecmp.cmp(here, copy, shallow=False) else "different"
