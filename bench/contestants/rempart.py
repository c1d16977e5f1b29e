"""rempart itself: the command line as people use it, start-up included."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.contestants.base import Contestant, folder_of
from bench.field import Field, Target
from bench.measure import Done

COMMAND = str(Path(sys.executable).with_name("rempart"))


def prepare(field: Field) -> Contestant:
    """Return ``rempart plan`` and ``rempart apply``, which plans, too."""

    def plan(targets: Sequence[Target]) -> list[str]:
        return [COMMAND, "plan", str(field.inventory), *_only(targets)]

    def apply(targets: Sequence[Target]) -> list[str]:
        return [COMMAND, "apply", str(field.inventory), "--yes", *_only(targets)]

    folder = folder_of(field.folder, "rempart")
    return Contestant("rempart", folder, plan, _nothing_to_do, apply, _applied)


def _only(targets: Sequence[Target]) -> list[str]:
    return [f"--host={target.name}" for target in targets]


def _nothing_to_do(done: Done, targets: Sequence[Target]) -> str:
    expected = f"0 changes, {len(targets)} of {len(targets)} hosts as wanted\n"
    return "" if (done.returncode, done.stdout) == (0, expected) else done.stdout + done.stderr


def _applied(done: Done, targets: Sequence[Target]) -> str:
    return "" if done.returncode == 0 else done.stdout + done.stderr


def inspection(field: Field, targets: Sequence[Target]) -> list[str]:
    """Return the command that shows what is still to change, whoever made the hosts so far."""
    return [COMMAND, "plan", str(field.inventory), "--json", *_only(targets)]


def only_the_manifest_is_missing(done: Done, targets: Sequence[Target]) -> str:
    """Judge an inspection: the hosts are as wanted; who keeps no manifest still owes that."""
    if done.returncode == 1:
        return done.stdout + done.stderr
    hosts = json.loads(done.stdout)["hosts"]
    left = {change["label"] for host in hosts for change in host["changes"]}
    left -= {"Record what rempart owns"}
    return f"not done: {', '.join(sorted(left))}" if left else ""
