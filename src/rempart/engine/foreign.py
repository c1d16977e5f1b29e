"""What others have set up on a host: told, or refused by name; never fought, never touched."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network

from rempart.engine.printable import printable
from rempart.hardening.ssh import DROP_IN
from rempart.policy import Host, Policy
from rempart.policy.value import IPNetwork
from rempart.resources import File, Observation, Resource, Sysctl

MOST_OF_A_NOTE = 1_000
"""Characters."""

MOST_WORDS = 100
"""Of an ``ignoreip`` that is read; where it has more, our address must stand among the first."""


def refusals(policy: Policy, host: Host, seen: Observation) -> list[str]:
    """Return why another's set-up would fight with ours, and the ways out."""
    reasons = [
        f"{name} is active, and two firewalls would fight; switch it off there by hand, or write"
        f" take_over: [{name}] at hosts[{host.name}] in {policy.path.name}, then rempart does"
        for name in sorted(seen.facts.get("firewall", {}))
        if name not in host.take_over
    ]
    for jail, fields in sorted(seen.facts.get("jail", {}).items()):
        banned = _not_ignored(policy.automation_sources(host), (*fields, "")[0])
        if banned:
            reasons.append(
                f"fail2ban may ban rempart itself in its jail {printable(jail)}; add"
                f" {' '.join(banned)} to ignoreip in a file of /etc/fail2ban/jail.d there"
            )
    return reasons


def _not_ignored(networks: Sequence[IPNetwork], ignored: str) -> list[str]:
    """Return the networks that no word of an ``ignoreip`` covers; its host names do not count."""
    known = []
    for word in ignored.split(maxsplit=MOST_WORDS)[:MOST_WORDS]:
        try:
            known.append(ip_network(word, strict=False))
        except ValueError:
            continue
    return [
        str(network)
        for network in networks
        if not any(
            network.subnet_of(each)  # type: ignore[arg-type]  # the versions are the same
            for each in known
            if each.version == network.version
        )
    ]


def notes(desired: Sequence[Resource], seen: Observation) -> list[str]:
    """Return what a person should know of what others have set up, and that it stays."""
    found = []
    jails = sorted(seen.facts.get("jail", {}))
    if jails:
        found.append(f"fail2ban is at work (jails {', '.join(jails)}); it stays")
    tables = sorted(seen.facts.get("rules", {}))
    if tables:
        found.append(f"packets must also pass rules that are not ours: {', '.join(tables)}")
    jobs = sorted(seen.facts.get("job", {}))
    if jobs:
        found.append(f"there are backups that are not ours, which stay: {', '.join(jobs)}")
    for name, fields in sorted(seen.facts.get("owned", {}).items()):
        owner, rp_filter, forwarding = (*fields, "", "", "")[:3]
        found.append(
            f"{name} is an interface of others ({owner}): its rp_filter ({rp_filter}) and"
            f" forwarding ({forwarding}) stay as they are"
        )
    varies = [r.setting for r in desired if isinstance(r, Sysctl) and r.with_strangers is not None]
    if varies and seen.strangers:
        found.append(
            f"{', '.join(varies)} is 1 and not 2: in no network of this host, and so never answered"
            f" with 2, would be {', '.join(seen.strangers)}"
        )
    lines = _lines_that_count(desired, seen)
    if lines:
        found.append(f"sshd has lines of its own, which stay: {'; '.join(lines)}")
    return [printable(note[:MOST_OF_A_NOTE]) for note in found]


def _lines_that_count(desired: Sequence[Resource], seen: Observation) -> list[str]:
    """Return the lines of sshd's configuration that ours say nothing about."""
    ours = [r.content or "" for r in desired if isinstance(r, File) and r.path == DROP_IN]
    said = {line.split()[0].lower() for text in ours for line in text.splitlines() if line.split()}
    lines = seen.facts.get("sshd", {})
    return [line for line in lines if line.split(" ")[0].lower() not in said] if ours else []
