"""Why what auditors still find is as it is: reasons.toml, read and held against findings."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from scores.finding import Finding

FILE = Path(__file__).with_name("reasons.toml")

KINDS = {
    "disk layout": "decided when the disk is partitioned",
    "boot loader": "the boot loader's, or the kernel's own build",
    "firmware": "the machine's firmware or processor",
    "lab": "the lab's hosts share this machine's kernel; a machine of its own passes",
    "some hosts": "some hosts' own network needs it otherwise; on the lab's it is passed",
    "practice": "a practice could not work with it, or needs it otherwise",
    "auditor": "the auditor looks for something else than what it is about",
    "todo": "not done yet",
}
"""What a reason may be, in the order in which they are shown."""

Key = tuple[str, str]
"""Auditor and rule."""


@dataclass(frozen=True)
class Reason:
    """One reason, shared by some rules."""

    kind: str
    why: str


@dataclass(frozen=True)
class Judgement:
    """Findings by their reason, findings without one, and rules whose reason has gone."""

    explained: Mapping[Reason, list[Finding]]
    unexplained: list[Finding]
    stale: list[Key]


def load(file: Path = FILE) -> dict[Key, Reason]:
    """Return the reasons by auditor and rule; raises ValueError for a mistake in the file."""
    reasons: dict[Key, Reason] = {}
    for entry in tomllib.loads(file.read_text())["reason"]:
        if entry["kind"] not in KINDS:
            raise ValueError(f"{file.name}: kind: unknown (got {entry['kind']!r})")
        for rule in entry["rules"]:
            key = (entry["auditor"], rule)
            if key in reasons:
                raise ValueError(f"{file.name}: {' '.join(key)}: has two reasons")
            reasons[key] = Reason(entry["kind"], entry["why"])
    return reasons


def judge(findings: Iterable[Finding], reasons: Mapping[Key, Reason]) -> Judgement:
    """Hold findings against reasons."""
    explained: dict[Reason, list[Finding]] = {}
    unexplained = []
    left = dict.fromkeys(key for key, why in reasons.items() if why.kind != "some hosts")
    for finding in findings:
        key = (finding.auditor, finding.rule)
        left.pop(key, None)
        if key in reasons:
            explained.setdefault(reasons[key], []).append(finding)
        else:
            unexplained.append(finding)
    order = list(KINDS)
    by_kind = sorted(explained.items(), key=lambda item: order.index(item[0].kind))
    return Judgement(dict(by_kind), unexplained, list(left))
