"""OpenSCAP with SCAP Security Guide's profiles of ANSSI-BP-028 for Debian 12.

The scanner is the host's own; the content is Debian 13's, because Debian 12's is older than the
profiles. What the scanner prints comes from the host and is not believed blindly.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from lab import image
from lab.host import Host
from rempart.engine.printable import printable
from scores.finding import AuditError, Finding

PACKAGE = "openscap-scanner"
PROFILES = ("minimal", "intermediary", "enhanced")

_CONTENT = "/root/audit/ssg-debian12-ds.xml"
_RULE = re.compile(
    r"xccdf_org\.ssgproject\.content_rule_(?P<name>[A-Za-z0-9_.-]{1,200})"
    r"\|(?P<title>.{0,500})\|(?P<outcome>[a-z]{1,20})"
)
_OUTCOMES = {"pass", "fail", "error", "unknown", "notapplicable", "notchecked"}
_BAD = ("fail", "error", "unknown")
"""A rule that could not be judged is not passed (NIST IR 7275, table 35, has all outcomes)."""


@dataclass(frozen=True)
class Rule:
    """One rule's title and its outcome, such as ``pass`` or ``notapplicable``."""

    title: str
    outcome: str


Rules = Mapping[str, Rule]
"""Rules by name, such as ``partition_for_home``."""


def bring_content(host: Host) -> None:
    """Lay the profiles down on the host, below root's home."""
    content = image.make("debian-13-scap") / "usr/share/xml/scap/ssg/content/ssg-debian12-ds.xml"
    command = f"mkdir -p -m 0700 {_CONTENT.rpartition('/')[0]} && cat > {_CONTENT}"
    host.run(command, input=content.read_text())


def evaluate(host: Host, profile: str) -> Rules:
    """Judge the host by one of PROFILES (some seconds); raises AuditError if that fails."""
    done = host.run(
        f"oscap xccdf eval --progress-full --profile anssi_bp28_{profile} {_CONTENT}",
        check=False,
        timeout_s=600,
    )
    if done.returncode not in (0, 2):  # 2: a rule fails (oscap(8))
        raise AuditError(f"openscap: exit {done.returncode} (got {printable(done.stderr)[-500:]})")
    return parse(done.stdout)


def parse(text: str) -> dict[str, Rule]:
    """Read ``oscap xccdf eval --progress-full``, one line per rule.

    Raises:
        AuditError: a line that is none of oscap's, a rule named twice, or no rule at all.
    """
    rules: dict[str, Rule] = {}
    for line in text.removeprefix("---evaluation\n").splitlines():
        match = _RULE.fullmatch(line)
        if not match or match["name"] in rules or match["outcome"] not in _OUTCOMES:
            raise AuditError(f"openscap: not a rule's line (got {printable(line)[:200]!r})")
        rules[match["name"]] = Rule(printable(match["title"]), match["outcome"])
    if not rules:
        raise AuditError("openscap: judged no rule")
    return rules


def count(rules: Rules) -> dict[str, int]:
    """Return how many rules the host passes and fails, ``{"pass": 34, "fail": 0}``."""
    outcomes = Counter(rule.outcome for rule in rules.values())
    return {"pass": outcomes["pass"], "fail": sum(outcomes[bad] for bad in _BAD)}


def findings(rules: Rules) -> list[Finding]:
    """Return the rules that the host fails."""
    bad = {name: rule for name, rule in rules.items() if rule.outcome in _BAD}
    return [Finding("openscap", name, rule.title) for name, rule in bad.items()]
