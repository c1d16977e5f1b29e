"""Bring files of a snapshot back, and read them again where they are."""

import json
import os
from pathlib import Path
from typing import Any

from .restic import literal, restic, words


def restore_of_another(order: dict[str, Any]) -> int:
    """Restore what is another host's: `wanted` and `secrets` are lent, and kept in memory.

    Where systemd has made a folder for that, which goes when this ends: systemd.exec(5),
    RuntimeDirectory.
    """
    folder = os.environ["RUNTIME_DIRECTORY"]
    for name, text in order["secrets"].items():
        file = Path(folder, name)
        file.touch(mode=0o600)
        file.write_text(text)
    return restore("", {**order["wanted"], "secrets": folder}, order)


def restore(target: str, wanted: dict[str, Any], order: dict[str, Any]) -> int:
    """Bring `paths` (all without) of `snapshot` back below `into`, and read them again there."""
    view = ["--option=rclone.args=rewound"] if order["rewound"] else []
    into = Path(order["into"])
    listed = restic(
        target, wanted, [*view, "--no-lock", "ls", "--json", order["snapshot"], *order["paths"]]
    )
    arguments = [*view, "--no-lock", "restore", order["snapshot"], "--verify", f"--target={into}"]
    arguments += [f"--include={literal(path)}" for path in order["paths"]]
    error = words(listed)
    # restic 0.14 removes a second name of a file, and makes one only where none is: another turn.
    for turn in range(0 if error else 2):
        if turn == 0 or "no such file" in error:
            error = _links_removed(into, order["paths"], listed.stdout.splitlines())
            error = error or words(restic(target, wanted, arguments))
    missing = [path for path in order["paths"] if not os.path.lexists(f"{into}{path}")]
    print(json.dumps({"ok": not error, "missing": missing, "error": error[-2000:]}))
    return 0


def _links_removed(into: Path, paths: list[str], listed: list[str]) -> str:
    """Remove links that lie where something will be restored: restic would write through them.

    Return why nothing may be restored: a link above what is wanted, if it is not root's.
    """
    for path in paths:
        for above in Path(f"{into}{path}").parents:
            if above.is_symlink() and above.lstat().st_uid != 0:
                return f"{above} is a link of somebody's; nothing was restored"
    nodes = [node["path"] for node in map(json.loads, listed) if node["struct_type"] == "node"]
    there = [Path(f"{into}{path}") for path in {*paths, *nodes}]
    for each in [path for path in there if path.is_symlink() or _has_second_name(path)]:
        each.unlink()
    return ""


def _has_second_name(path: Path) -> bool:
    return path.is_file() and path.stat().st_nlink > 1
