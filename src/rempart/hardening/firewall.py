"""Firewall: nothing comes in but what the policy names (FW-1 to FW-5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from ipaddress import ip_network
from typing import Any

from rempart.backup.place import ITSELF, places_on
from rempart.policy import Host, Policy, Traits
from rempart.policy.value import IPNetwork
from rempart.resources import Directory, File, Package, Resource, Unit
from rempart.template import render

UNIT = "rempart-firewall.service"
RULES = "/etc/rempart/firewall.nft"
UNIT_FILE = f"/etc/systemd/system/{UNIT}"
CONTROLS = ("FW-1", "FW-2", "FW-3", "FW-4", "FW-5")

FOREIGN = {
    "ufw": "ufw.service",
    "firewalld": "firewalld.service",
    "iptables-persistent": "netfilter-persistent.service",
}
"""The units of other firewalls, as a host's ``take_over`` names them."""

FLUSH = {
    # `ufw enable` loads the rules without starting the unit.
    "ufw": "/lib/ufw/ufw-init force-stop\n",
    # Stopped, it leaves its rules in the kernel.
    "iptables-persistent": "netfilter-persistent flush\n",
}
"""What takes their rules out of the kernel where stopping the unit does not."""

LOADED_RULES_RUN = (
    "nft list table inet rempart | sha256sum --status -c /run/rempart/firewall.sha256"
)
"""Whether the kernel's rules are those that the unit loaded."""


@dataclass(frozen=True)
class Rule:
    """One accepting rule: who may reach which ports, for one address family."""

    name: str
    family: str
    sources: tuple[str, ...]
    protocol: str
    ports: tuple[int, ...]


def desired(policy: Policy, host: Host, traits: Traits, today: date) -> Sequence[Resource]:
    """Return the rules and the unit that loads them before the network."""
    common: dict[str, Any] = {"concern": "firewall", "risky": True}
    return [
        Package(concern="firewall", controls=CONTROLS, package="nftables"),
        # The concern `filesystem` keeps its script there too.
        Directory(**common, controls=(*CONTROLS, "PR-4"), path="/etc/rempart"),
        File(
            **common,
            controls=CONTROLS,
            reloads=(UNIT,),
            path=RULES,
            content=render(RULES, rules=rules(policy, host)),
            check='nft -c -f "$CANDIDATE"',
        ),
        File(
            **common,
            controls=CONTROLS,
            reloads=(UNIT,),
            path=UNIT_FILE,
            content=render(UNIT_FILE),
        ),
        Unit(
            **common,
            controls=CONTROLS,
            unit=UNIT,
            enabled=True,
            running=True,
            healthy=LOADED_RULES_RUN,
        ),
        *map(_taken_over, sorted(set(host.take_over))),
    ]


def _taken_over(name: str) -> Unit:
    """Return another firewall's unit as it must be beside ours: off."""
    return Unit(
        concern="firewall",
        controls=CONTROLS,
        risky=True,
        unit=FOREIGN[name],
        enabled=False,
        running=False,
        after_stop=FLUSH.get(name, ""),
    )


def rules(policy: Policy, host: Host) -> list[Rule]:
    """Return SSH for the operator's way in first, then backups, then the policy's services."""
    found = _rules("ssh", policy.automation_sources(host), "tcp", (host.port,))
    arrivals = {each for place in places_on(policy, host) for each in place.sources} - {ITSELF}
    found += _rules("backup", map(ip_network, arrivals), "tcp", (host.port,))
    for service in sorted(policy.firewall.services, key=lambda service: service.name):
        if host.name in service.hosts:
            found += _rules(service.name, service.from_, service.protocol, service.ports)
    return found


def _rules(
    name: str, sources: Iterable[IPNetwork], protocol: str, ports: tuple[int, ...]
) -> list[Rule]:
    """Return one rule per address family that the sources have."""
    by_family: dict[str, list[str]] = {}
    for network in set(sources):
        by_family.setdefault("ip" if network.version == 4 else "ip6", []).append(str(network))
    return [
        Rule(name, family, tuple(sorted(networks)), protocol, tuple(sorted(set(ports))))
        for family, networks in sorted(by_family.items())
    ]
