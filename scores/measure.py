"""The measurement: one host, audited as it comes and again when rempart has hardened it."""

from __future__ import annotations

import sys
from pathlib import Path

from lab.host import Host
from lab.session import Session
from scores.audit import IMAGE, Audit, audit, install
from scores.finding import AuditError
from tests.lab import practice


def measure(lab: Session, folder: Path, baseline: str) -> tuple[Audit, Audit]:
    """Return what the auditors say of a stock host, and of the same host hardened.

    Raises:
        AuditError: an auditor or rempart failed, or rempart left something to do.
    """
    _say(f"one {IMAGE} host: boot, install the auditors")
    host = lab.fresh_host(IMAGE)
    install(host)
    _say("stock: audit")
    before = audit(host)
    _say(f"enrol, apply baseline {baseline}, boot again")
    harden(folder, host, baseline)
    _say("hardened: audit")
    return before, audit(host)


def harden(folder: Path, host: Host, baseline: str) -> Path:
    """Make the host a workstation of a practice with that baseline; return the inventory.

    It is booted again, because some of what is wanted begins at the next boot.
    """
    inventory = practice.enrolled(folder, {"a": host}, people=[practice.MARIE])
    practice.edit(inventory, lambda data: data.update(baseline=baseline))
    for arguments in (("apply", inventory, "--yes"), ("plan", inventory)):
        done = practice.rempart(*arguments, timeout_s=900)
        if done.returncode != 0:
            raise AuditError(f"rempart {arguments[0]}: {done.stdout}{done.stderr}")
    host.reboot()
    host.run("systemctl is-system-running --wait", check=False)
    host.run("systemctl start rempart-seals.service", check=False)  # its timer does, a while later
    return inventory


def _say(text: str) -> None:
    print(f"scores: {text}", file=sys.stderr, flush=True)
