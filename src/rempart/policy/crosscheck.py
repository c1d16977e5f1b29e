"""What one value of a policy says about another: references, doubles, ways in that must exist.

The checks read every entry that is valid by itself, so that one mistake does not hide the others.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import PurePosixPath

from rempart.controls import CONTROLS
from rempart.policy.backup import Target
from rempart.policy.draft import Draft, draft_of
from rempart.policy.explain import closest
from rempart.policy.host import Host
from rempart.policy.identity import (
    doubled_logins,
    provider_keys,
    provider_logins,
    reversed_dates,
    shared_keys,
)
from rempart.policy.mistake import shown
from rempart.policy.provider import Provider
from rempart.policy.source import Finding, Location, Source


def crosscheck(
    source: Source, provider: Provider | None, today: datetime.date | None
) -> list[Finding]:
    """Return the mistakes between entries; past exceptions are among them when `today` is given."""
    draft = draft_of(source)
    return [
        *_hosts_that_exist(draft),
        *_doubled_hosts(draft),
        *_jumps(draft),
        *doubled_logins(draft.logins, provider_logins(provider) if provider else {}),
        *shared_keys(
            {**draft.people, **draft.correspondents}, provider_keys(provider) if provider else {}
        ),
        *reversed_dates(draft.people),
        *_services(draft),
        *_exceptions(draft, today),
        *_exchange(draft),
        *_targets(draft),
    ]


def _hosts_that_exist(draft: Draft) -> Iterator[Finding]:
    known = set(draft.host_names.values())
    for where, name in draft.host_references.items():
        if name not in known:
            yield where, "there is no such host", shown(name), closest(name, known)


def _doubled_hosts(draft: Draft) -> Iterator[Finding]:
    names: set[str] = set()
    for where, name in draft.host_names.items():
        if name in names:
            yield where, "is the name of two hosts", shown(name), "rename one"
        names.add(name)
    places: dict[object, str] = {}
    for where, host in draft.hosts.items():
        # Behind one address, a router may forward different ports to different hosts.
        place = (host.address, host.port, host.jump)
        if place in places:
            what = f"is also the address of {places[place]}"
            yield (*where, "address"), what, shown(host.address), "correct one of them"
        places.setdefault(place, host.name)


def _jumps(draft: Draft) -> Iterator[Finding]:
    by_name = {host.name: host for host in draft.hosts.values()}
    for where, host in draft.hosts.items():
        if host.jump is None:
            continue
        jump = by_name.get(host.jump)
        if _is_circular(host, by_name):
            yield (*where, "jump"), "leads back to this host", shown(host.jump), "name another host"
        elif jump and not jump.inside:
            hint = f"write its address as {host.name} sees it, for example inside: 192.168.1.2"
            yield (*where, "jump"), f"{jump.name} has no 'inside'", None, hint
        elif jump and host.address in jump.inside:
            what = f"is the inside address of {jump.name}"
            yield (*where, "address"), what, shown(host.address), "correct one of them"


def _is_circular(host: Host, by_name: dict[str, Host]) -> bool:
    seen = set()
    step: Host | None = host
    while step and step.jump and step.name not in seen:
        seen.add(step.name)
        step = by_name.get(step.jump)
    return step is not None and step.name == host.name and bool(seen)


def _services(draft: Draft) -> Iterator[Finding]:
    ssh_ports = {host.name: host.port for host in draft.hosts.values()}
    names: set[str] = set()
    for where, service in draft.services.items():
        if service.name in names:
            yield (*where, "name"), "is the name of two services", shown(service.name), "rename one"
        names.add(service.name)
        closed = {22} | {ssh_ports[name] for name in service.hosts if name in ssh_ports}
        for index, port in enumerate(service.ports):
            if service.protocol == "tcp" and port in closed:
                hint = "remove it; SSH is open to the provider's management networks by itself"
                yield (*where, "ports", index), "is the port of SSH", shown(port), hint


def _exceptions(draft: Draft, today: datetime.date | None) -> Iterator[Finding]:
    for where, exception in draft.exceptions.items():
        if exception.control not in CONTROLS:
            control = exception.control
            yield (
                (*where, "control"),
                "there is no such control",
                shown(control),
                closest(control, CONTROLS),
            )
        if today and not exception.is_live(today):
            hint = "remove the exception, or decide again and set a new date"
            yield (*where, "expires"), "is in the past", shown(exception.expires), hint


def _exchange(draft: Draft) -> Iterator[Finding]:
    roles = {host.name: host.role for host in draft.hosts.values()}
    where: Location = ("exchange", "host")
    name = draft.host_references.get(where, "")
    if roles.get(name, "sftp_server") != "sftp_server":
        yield where, "is not an sftp_server", shown(name), "name a host with that role"


def _targets(draft: Draft) -> Iterator[Finding]:
    before: list[Target] = []
    for where, target in draft.targets.items():
        if any(each.name == target.name for each in before):
            yield (*where, "name"), "is the name of two targets", shown(target.name), "rename one"
        for other in before:
            if other.host == target.host and _overlap(other.folder, target.folder):
                what = f"is not beside that of {other.name}"
                yield (*where, "folder"), what, shown(target.folder), "give each its own folder"
        before.append(target)


def _overlap(one: PurePosixPath, other: PurePosixPath) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)
