"""The floor: rempart's own question, sent by one ``ssh`` process per host, all at once.

It asks the same and understands nothing of the answer. Nobody shares a connection here: rempart
connects anew in each run as well.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from bench.contestants.base import Contestant, folder_of
from bench.field import Field, Target
from bench.measure import Done
from lab.requirements import program
from rempart.engine.diff import diff
from rempart.engine.observe import parse, script
from rempart.resources import Observation

REMOTE = "env LC_ALL=C sudo -H -n sh -s"


def prepare(field: Field) -> Contestant:
    """Return the fan-out, as one small shell script per number of hosts."""
    folder = folder_of(field.folder, "openssh")
    (folder / "question").write_text(script(field.desired))

    def plan(targets: Sequence[Target]) -> list[str]:
        file = folder / f"fan-out-{len(targets)}"
        file.write_text(_fan_out(field, targets))
        return [program("sh"), str(file)]

    def nothing_to_do(done: Done, targets: Sequence[Target]) -> str:
        if done.returncode:
            return done.stderr
        answers = {target.name: folder / f"{target.name}.answer" for target in targets}
        return "; ".join(name for name, file in answers.items() if not _as_wanted(field, file))

    return Contestant("openssh_fat", folder, plan, nothing_to_do)


def _as_wanted(field: Field, file: Path) -> bool:
    seen = parse(file.read_text().splitlines(), field.desired)
    return isinstance(seen, Observation) and not diff(field.desired, seen)


def _fan_out(field: Field, targets: Sequence[Target]) -> str:
    lines = [
        f'{shlex.join(_ssh(field, target))} < question > {target.name}.answer & pids="$pids $!"\n'
        for target in targets
    ]
    return "".join([*lines, "for pid in $pids; do wait $pid || exit 1; done\n"])


def _ssh(field: Field, target: Target) -> list[str]:
    options = {
        "BatchMode": "yes",
        "ControlMaster": "no",
        "GlobalKnownHostsFile": "/dev/null",
        "IdentitiesOnly": "yes",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": str(field.known_hosts),
    }
    words = [f"-o{key}={value}" for key, value in options.items()]
    login = f"{field.user}@{target.host.address}"
    return [program("ssh"), "-F", "none", "-i", str(field.key), *words, login, REMOTE]
