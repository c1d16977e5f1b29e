"""Bring this host's copy to one target, or what a target keeps back here.

`backup.py TARGET` backs up; exit codes: 0 complete, 3 partial (a path is missing or could not be
read), 1 failed, 4 the same to a removable disk. `--due TARGET` tells whether a removable disk is
there and has no copy of this time. `--id TARGET` prints the repository's id. `--restore TARGET`
reads from its input what to restore, as JSON, and prints what came of it; so do `--restore-of`,
for what another host has backed up, with secrets that it is lent, and `--drill TARGET`, which
proves the last backup by reading a sample of it back.
"""

import json
import sys
from typing import Any

from .drill import drill
from .restic import CONFIG, restic
from .restore import restore, restore_of_another
from .run import is_due, run


def main() -> int:
    """Do what the command line asks for."""
    if sys.argv[1] == "--restore-of":
        return restore_of_another(json.load(sys.stdin))
    target = sys.argv[-1]
    wanted = json.loads((CONFIG / f"{target}.json").read_text())
    if sys.argv[1] == "--due":
        return 0 if is_due(target, wanted) else 1
    if sys.argv[1] == "--id":
        return _print_id(target, wanted)
    if sys.argv[1] == "--restore":
        return restore(target, wanted, json.load(sys.stdin))
    if sys.argv[1] == "--drill":
        return drill(target, wanted, json.load(sys.stdin))
    return run(target, wanted)


def _print_id(target: str, wanted: dict[str, Any]) -> int:
    """Print the id of the repository that is reached: the way, the key and the password work."""
    done = restic(target, wanted, ["--no-lock", "cat", "config"])
    if done.returncode:
        sys.stderr.write(f"{target}: restic: {' '.join(done.stderr.split())[-250:]}\n")
        return 1
    print(json.loads(done.stdout)["id"])
    return 0
