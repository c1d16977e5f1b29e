"""ssh-audit, from outside: the algorithms that the host's sshd offers on the wire."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rempart.engine.printable import printable
from scores.finding import AuditError, Finding

_COMMAND = str(Path(sys.executable).with_name("ssh-audit"))
_KINDS = ("kex", "key", "enc", "mac")
_JUDGED = {0, 2, 3}  # nothing to say, warnings, failures (ssh_audit/exitcodes.py)


@dataclass(frozen=True)
class Report:
    """What is bad about the algorithms (``fail``) and what is not best (``warn``)."""

    fail: list[Finding]
    warn: list[Finding]


def audit(address: str) -> Report:
    """Look at the sshd on an address's port 22; raises AuditError if that fails."""
    # The rate test opens connections as fast as it can; it is no score, and sshd may punish it.
    command = [_COMMAND, "--json", "--skip-rate-test", address]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False
    )
    if done.returncode not in _JUDGED:
        said = printable(done.stderr or done.stdout)[-500:]
        raise AuditError(f"ssh-audit: {address}: exit {done.returncode} (got {said})")
    return parse(done.stdout.decode("utf-8", "replace"))


def parse(text: str) -> Report:
    """Read ``ssh-audit --json``: for each kind, algorithms with lists of notes by level.

    Raises:
        AuditError: it is not of that shape, or no algorithm was offered.
    """
    try:
        report = json.loads(text)
        algorithms = [algorithm for kind in _KINDS for algorithm in report[kind]]
        found = Report(list(_notes(algorithms, "fail")), list(_notes(algorithms, "warn")))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise AuditError(f"ssh-audit: not a report ({printable(repr(error))[:200]})") from None
    if not algorithms:
        raise AuditError("ssh-audit: sshd offered no algorithm")
    return found


def _notes(algorithms: list[dict[str, Any]], level: str) -> Iterator[Finding]:
    for algorithm in algorithms:
        for note in algorithm["notes"].get(level, []):
            rule = printable(f"{algorithm['algorithm']}: {note}")[:300]
            yield Finding("ssh-audit", rule, level)
