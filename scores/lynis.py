"""Lynis: its hardening index and what it suggests."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lab.host import Host
from rempart.engine.printable import printable
from scores.finding import AuditError, Finding

PACKAGE = "lynis"

_REPORT = "/root/audit/lynis-report.dat"
_ADVICE = re.compile(r"(?:warning|suggestion)\[\]=(?P<test>[A-Z0-9-]{1,20})\|(?P<rest>.{0,2000})")
_SETTING = re.compile(r"(?P<name>\w{1,40}) \(set .*\)")


@dataclass(frozen=True)
class Report:
    """The hardening index, 0 to 100, and the warnings and suggestions that cost points."""

    index: int
    findings: list[Finding]


def audit(host: Host) -> Report:
    """Run Lynis as root inside (half a minute); raises AuditError if that fails."""
    done = host.run(
        "mkdir -p -m 0700 /root/audit && cd /root/audit && "
        f"lynis audit system --quiet --no-colors --report-file {_REPORT} "
        f"--logfile /root/audit/lynis.log && cat {_REPORT}",
        check=False,
        timeout_s=900,
    )
    if done.returncode != 0:
        raise AuditError(f"lynis: exit {done.returncode} (got {printable(done.stderr)[-500:]})")
    return parse(done.stdout)


def parse(text: str) -> Report:
    """Read a report, ``hardening_index=58`` and lines such as ``suggestion[]=DEB-0880|Install …``.

    A setting that Lynis would have otherwise is a finding of its own, ``SSH-7408 Port``.

    Raises:
        AuditError: there is not exactly one index, or one that is no percentage.
    """
    lines = text.splitlines()
    indexes = [line.partition("=")[2] for line in lines if line.startswith("hardening_index=")]
    if len(indexes) != 1 or not re.fullmatch(r"100|[0-9]{1,2}", indexes[0]):
        raise AuditError(f"lynis: no hardening index (got {printable(str(indexes))[:200]})")
    advice = filter(None, map(_ADVICE.fullmatch, lines))
    return Report(int(indexes[0]), sorted({_finding(each) for each in advice}))


def _finding(advice: re.Match[str]) -> Finding:
    title, _, rest = advice["rest"].partition("|")
    setting = _SETTING.fullmatch(rest.partition("|")[0])
    if setting:
        return Finding("lynis", f"{advice['test']} {setting['name']}", printable(setting[0]))
    return Finding("lynis", advice["test"], printable(title))
