"""SS-2: host keys are pinned, and a jump host leads to its own hosts and nowhere else."""

from __future__ import annotations

import pytest

from rempart.engine.route import Route
from rempart.policy import Host, Policy
from rempart.verify import attempt, sshd
from rempart.verify.proof import Proof

pytestmark = pytest.mark.control("SS-2")


def behind(policy: Policy, subject: Host) -> list[Host]:
    """Return the hosts that are reached through this one."""
    return [other for other in policy.hosts if other.jump == subject.name]


def test_the_host_key_is_the_pinned_one(route: Route, proof: Proof) -> None:
    """The host shows the pinned key."""
    shown, pinned = attempt.host_key(route)
    proof.that(shown in pinned, " or ".join(sorted(pinned)), shown, "key exchange")


def test_forwarding_elsewhere_is_refused(
    policy: Policy, subject: Host, route: Route, proof: Proof
) -> None:
    """sshd forwards to nobody but the hosts behind it."""
    targets = [("127.0.0.1", subject.port)]
    for host in behind(policy, subject)[:1]:
        targets.append((str(host.address), 80 if host.port != 80 else 81))
    opened = [f"{a}:{p}" for a, p in targets if attempt.forward(route, a, p) != "prohibited"]
    tried = ", ".join(f"{address}:{port}" for address, port in targets)
    proof.none(opened, "forwarding prohibited", f"attempts to {tried}")


def test_permitopen_names_its_hosts_alone(
    effective: dict[str, sshd.Settings], policy: Policy, subject: Host, proof: Proof
) -> None:
    """A jump host's PermitOpen names exactly the hosts behind it."""
    wanted = {_place(host) for host in behind(policy, subject)}
    permitted = {
        target
        for settings in effective.values()
        if settings.get("allowtcpforwarding") != "no"
        for target in settings.get("permitopen", "any").split()
    }
    shown = " ".join(sorted(permitted)) or "nothing"
    proof.that(permitted == wanted, " ".join(sorted(wanted)) or "nothing", shown, "sshd -T -C")


def test_its_hosts_are_reached(policy: Policy, subject: Host, route: Route, proof: Proof) -> None:
    """A jump host forwards to the hosts behind it."""
    hosts = behind(policy, subject)
    refused = [
        host.name
        for host in hosts
        if attempt.forward(route, str(host.address), host.port) == "prohibited"
    ]
    tried = ", ".join(_place(host) for host in hosts) or "nowhere, no host is behind it"
    proof.none(refused, "no host refused", f"attempts to {tried}")


def _place(host: Host) -> str:
    address = f"[{host.address}]" if host.address.version == 6 else str(host.address)
    return f"{address}:{host.port}"
