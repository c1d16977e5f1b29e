"""PR-4: programs run within AppArmor's bounds (ANSSI-BP-028 R45)."""

from __future__ import annotations

import pytest

from rempart.verify.machine import Machine
from rempart.verify.proof import Proof

PROFILES = "/sys/kernel/security/apparmor/profiles"


@pytest.mark.control("PR-4")
def test_apparmor_is_installed_and_starts(machine: Machine, proof: Proof) -> None:
    """The tools are there, and profiles are loaded at boot."""
    said = machine.ask("command -v apparmor_parser; systemctl is-enabled apparmor; true").split()
    holds = len(said) == 2 and said[1] == "enabled"
    proof.that(holds, "installed, enabled", ", ".join(said) or "absent", "systemctl is-enabled")


@pytest.mark.control("PR-4")
def test_apparmor_confines(machine: Machine, container: str, proof: Proof) -> None:
    """The kernel holds profiles that it enforces."""
    if container:
        proof.does_not_apply(f"{container}: AppArmor is the machine's", "systemd-detect-virt")
        return
    lines = machine.ask(f"cat {PROFILES}", ok=(0, 1)).splitlines()
    enforced = [line for line in lines if line.endswith("(enforce)")]
    proof.that(bool(enforced), "one profile or more", f"{len(enforced)} enforced", PROFILES)
