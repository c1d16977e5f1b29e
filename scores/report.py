"""Scores for people, a table and a list, and for programs, one JSON line."""

from __future__ import annotations

import json
from collections.abc import Iterator

from scores import openscap
from scores.audit import Audit
from scores.finding import Finding
from scores.reason import Judgement


def table(before: Audit, after: Audit) -> Iterator[str]:
    """Yield the lines of a table, a column before and one after."""
    yield _row("", "before", "after")
    for profile in openscap.PROFILES:
        cells = [_counts(openscap.count(audit.profiles[profile])) for audit in (before, after)]
        yield _row(f"ANSSI-BP-028 {profile}", *cells)
    yield _row("Lynis index", *(str(audit.lynis.index) for audit in (before, after)))
    yield _row("ssh-audit", *(_counts(_ssh(audit)) for audit in (before, after)))


def listing(judgement: Judgement) -> Iterator[str]:
    """Yield what is still found, by reason; then what has no reason, and reasons of nothing."""
    for reason, findings in judgement.explained.items():
        yield f"{reason.kind}: {reason.why}"
        yield from map(_finding, findings)
    if judgement.unexplained:
        yield "WITHOUT A REASON: mend it, or say why in scores/reasons.toml"
        yield from map(_finding, judgement.unexplained)
    if judgement.stale:
        yield "stale: no longer found; take these out of scores/reasons.toml"
        yield from (f"    {auditor} {rule}" for auditor, rule in judgement.stale)


def line(before: Audit, after: Audit) -> str:
    """Return ``{"scores": {"lynis": [58, 90], "bp28_minimal": {"pass": [19, 34], …}, …}}``."""
    scores: dict[str, object] = {"lynis": [before.lynis.index, after.lynis.index]}
    for profile in openscap.PROFILES:
        counts = [openscap.count(audit.profiles[profile]) for audit in (before, after)]
        scores[f"bp28_{profile}"] = _pairs(*counts)
    scores["ssh_audit"] = _pairs(_ssh(before), _ssh(after))
    return json.dumps({"scores": scores})


def _ssh(audit: Audit) -> dict[str, int]:
    return {"fail": len(audit.ssh.fail), "warn": len(audit.ssh.warn)}


def _pairs(before: dict[str, int], after: dict[str, int]) -> dict[str, list[int]]:
    return {key: [before[key], after[key]] for key in before}


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {key}" for key, count in counts.items())


def _row(title: str, before: str, after: str) -> str:
    return f"{title:<28}{before:<20}{after}".rstrip()


def _finding(finding: Finding) -> str:
    return f"    {finding.auditor} {finding.rule}: {finding.title}"
