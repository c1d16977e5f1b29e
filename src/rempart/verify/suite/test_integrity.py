"""DR-5: files are compared with their seals, and whatever nothing explains was looked into."""

from __future__ import annotations

import re

import pytest

from rempart.policy import Policy
from rempart.verify.machine import AnswerError, Machine
from rempart.verify.proof import Proof

pytestmark = pytest.mark.control("DR-5")

TIMER = "rempart-seals.timer"
SERVICE = "rempart-seals.service"
STATE = "/var/lib/rempart-seals"
FINDINGS = f"{STATE}/findings"
MOST_S = 3 * 86400
SOON_S = 3600
"""A host that is new, or was off, compares a while after its start."""
NOT_YET = f"not sealed yet: {TIMER} started within the hour"
NOT_ASKED = "seals: asked for at baseline enhanced"


def test_files_are_compared(machine: Machine, policy: Policy, proof: Proof) -> None:
    """Files are compared with their seals every day, and after packages were installed."""
    if policy.baseline != "enhanced":
        proof.does_not_apply(NOT_ASKED, "policy")
        return
    states = machine.ask(f"systemctl is-enabled {TIMER}; systemctl is-active {TIMER}; true").split()
    seen = ", ".join(states) or "nothing"
    proof.that(states == ["enabled", "active"], f"{TIMER} enabled, active", seen, "systemctl")
    hooks = machine.ask("apt-config dump DPkg::Post-Invoke")
    hooked = re.search(rf'^DPkg::Post-Invoke:: ".*\bstart\b.*\b{SERVICE}\b', hooks, re.MULTILINE)
    proof.that(hooked is not None, "apt starts it", hooks, "apt-config dump")
    result = machine.ask(f"systemctl show -P Result {SERVICE}").strip()
    proof.that(result == "success", "a comparison that ended well", result, "systemctl show")
    ages = machine.ask(f"stat -c @%Y {FINDINGS} 2> /dev/null || echo @0; date +@%s")
    last, now = _times(ages, 2)
    seen = f"{(now - last) // 86400} days ago" if last else "never"
    if now - last > MOST_S and is_young(machine):
        proof.info(f"compared {seen}; {TIMER} started within the hour", f"stat {FINDINGS}")
        return
    expected = f"compared within {MOST_S // 86400} days"
    proof.that(now - last <= MOST_S, expected, seen, f"stat {FINDINGS}")


def test_every_difference_is_explained(machine: Machine, policy: Policy, proof: Proof) -> None:
    """No file differs from its seal without a package's or rempart's doing."""
    if policy.baseline != "enhanced":
        proof.does_not_apply(NOT_ASKED, "policy")
        return
    said = machine.ask(f"cat {FINDINGS} && echo END", ok=(0, 1))
    if not said and is_young(machine):
        proof.info(NOT_YET, FINDINGS)
        return
    proof.that(said.endswith("END\n"), "an outcome", "none" if not said else "a part", FINDINGS)
    proof.none(said.splitlines()[:-1], "no difference, or accepted ones", FINDINGS)


def test_seals_are_the_last_ones(machine: Machine, policy: Policy, proof: Proof) -> None:
    """The seals are root's alone, and are those that the journal says were made last."""
    if policy.baseline != "enhanced":
        proof.does_not_apply(NOT_ASKED, "policy")
        return
    command = f"stat -c '%a %U' {STATE} {STATE}/aide.db; sha256sum < {STATE}/aide.db"
    said = machine.ask(f"{{ {command}; }} 2> /dev/null", ok=(0, 1, 2)).split()
    if not said and is_young(machine):
        proof.info(NOT_YET, STATE)
        return
    modes = " ".join(said[:4])
    proof.that(modes == "700 root 600 root", "700 root, 600 root", modes or "none", "stat")
    fields = f"_SYSTEMD_UNIT={SERVICE} _UID=0"
    lines = machine.ask(f"journalctl -q -o cat -r -n 20 {fields}", ok=(0, 1)).splitlines()
    noted = next((line.split()[-1] for line in lines if line.startswith("seals: ")), "none")
    proof.that(said[4] == noted, f"sha256 {noted}", said[4], f"journalctl {fields}")


def is_young(machine: Machine) -> bool:
    """Return whether the timer started within the hour in which it may not have been due."""
    command = f"systemctl show --timestamp=unix -P ActiveEnterTimestamp {TIMER}; date +@%s"
    started, now = _times(machine.ask(command), 2)
    return now - started < SOON_S


def _times(said: str, count: int) -> list[int]:
    """Return times since 1970, as ``@SECONDS`` each."""
    if not re.fullmatch(rf"(@\d{{1,12}}\n){{{count}}}", said):
        raise AnswerError(f"are no times (got {said[:40]!r})")
    return [int(word[1:]) for word in said.split()]
