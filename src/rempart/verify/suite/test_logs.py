"""DR-1: what happens on the host is noted, stays, and carries the right time."""

from __future__ import annotations

import re
import secrets
import time

import pytest

from rempart.verify.machine import AnswerError, Machine
from rempart.verify.proof import Proof

pytestmark = pytest.mark.control("DR-1")

JOURNAL = "/var/log/journal"
LEAST_DAYS, MOST_DAYS = 180, 366
LARGEST_DRIFT_S = 5.0
CLOCKS = ("chrony", "systemd-timesyncd", "ntpsec", "ntp", "openntpd")

# A file in a folder that must be watched; what auditd noted of it, which it writes a moment later.
_WATCHED = """
touch "/etc/security/$1" && rm "/etc/security/$1"
for pause in 0 1 1 2 4; do
    sleep $pause
    if ausearch -ts recent -f "$1" > /dev/null 2>&1; then echo noted; break; fi
done
"""


def test_journal_is_on_disk(machine: Machine, proof: Proof) -> None:
    """What is logged stands in a file that outlives a boot, and not everybody reads it."""
    word = secrets.token_hex(8)
    machine.ask(f"logger -t rempart-verify {word}; journalctl --sync")
    read = f"journalctl -q -D {JOURNAL} -t rempart-verify -o cat -n 50"
    found = word in machine.ask(read, ok=(0, 1), name="journalctl").split()
    proof.that(found, f"a line in {JOURNAL}", "there" if found else "not there", "logger")
    open_ = machine.ask(f"find {JOURNAL} -type f -perm /007").splitlines()
    proof.none(open_, "no journal that everybody reads", f"find {JOURNAL}")


def test_journal_has_limits(machine: Machine, proof: Proof) -> None:
    """The journal is kept for half a year to a year, and cannot fill the disk."""
    set_ = dict(
        re.findall(
            r"^(SystemMaxUse|MaxRetentionSec)=(\S*)$",
            machine.ask("systemd-analyze cat-config systemd/journald.conf"),
            re.MULTILINE,
        )
    )
    size, kept = set_.get("SystemMaxUse", ""), set_.get("MaxRetentionSec", "")
    bounded = re.fullmatch(r"[1-9]\d*[MG]", size) is not None
    proof.that(bounded, "a largest size", size or "none", "journald")
    days = re.fullmatch(r"(\d+)day", kept)
    holds = days is not None and LEAST_DAYS <= int(days[1]) <= MOST_DAYS
    proof.that(holds, f"{LEAST_DAYS} to {MOST_DAYS} days", kept or "no limit", "journald")


def test_old_logs_are_rotated(machine: Machine, proof: Proof) -> None:
    """logrotate's timer is on and waits for its next time."""
    timer = "logrotate.timer"
    states = machine.ask(f"systemctl is-enabled {timer}; systemctl is-active {timer}; true").split()
    seen = ", ".join(states) or "nothing"
    proof.that(states == ["enabled", "active"], f"{timer} enabled, active", seen, "systemctl")
    due = machine.ask(f"systemctl show -P NextElapseUSecRealtime {timer}").strip()
    proof.that(bool(due), f"a next time of {timer}", due or "none", "systemctl show")


def test_changes_are_noted(machine: Machine, container: str, proof: Proof) -> None:
    """A file made below /etc/security is found again in the audit log."""
    if container:
        why = f"{container}: the kernel and its audit are the machine's"
        proof.does_not_apply(why, "systemd-detect-virt")
        return
    name = f"rempart-verify-{secrets.token_hex(8)}"
    said = machine.ask(f"set -- {name}\n{_WATCHED}", name="ausearch").strip()
    proof.that(said == "noted", "noted", said or "not noted", "touch /etc/security/…, ausearch")


def test_clock_is_right(machine: Machine, proof: Proof) -> None:
    """The host's clock agrees with the controller's."""
    before = time.time()
    said = machine.ask("date +%s.%N").strip()
    after = time.time()
    if not re.fullmatch(r"\d+\.\d+", said):
        raise AnswerError(f"date: is no time (got {said[:40]!r})")
    drift = float(said) - (before + after) / 2
    holds = abs(drift) <= LARGEST_DRIFT_S + (after - before) / 2
    proof.that(holds, f"at most {LARGEST_DRIFT_S:.0f} s off", f"{drift:+.1f} s", "date")


def test_one_service_sets_the_clock(machine: Machine, container: str, proof: Proof) -> None:
    """Exactly one time service starts at boot; on a machine of its own it runs."""
    units = " ".join(f"{name}.service" for name in CLOCKS)
    listed = machine.ask(f"systemctl list-unit-files --state=enabled --no-legend {units}; true")
    found = [line.split()[0] for line in listed.splitlines() if line]
    proof.that(len(found) == 1, "one of them", ", ".join(found) or "none", "systemctl")
    if container:
        return
    active = machine.ask(f"systemctl is-active {found[0] if found[0] in units else ''}; true")
    proof.that(active.strip() == "active", f"{found[0]} active", active.strip(), "systemctl")
