"""Enabling backups: secrets into the vault, repositories to the servers, keys to the hosts.

In this order, so that nothing is on a machine that the vault does not know. Each step asks what is
there first, so an enabling that was interrupted is run again.
"""

from __future__ import annotations

import base64
import binascii
import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pydantic import SecretStr

from rempart.backup.ask import Lines, ask
from rempart.backup.place import Place, places_of, places_on
from rempart.backup.repository import Head, make, repository_id
from rempart.engine.hostkey import pinned
from rempart.engine.run import Run
from rempart.engine.session import each_host
from rempart.engine.transport import TransportError
from rempart.policy import Policy
from rempart.resources.base import call, encoded
from rempart.vault import (
    Content,
    Generation,
    Vault,
    new_generation,
    with_installed,
    with_repository,
    with_secret,
)


@dataclass(frozen=True)
class Enabled:
    """What came of one host or server: ``done`` is what was changed there."""

    host: str
    done: tuple[str, ...] = ()
    error: str = ""
    ids: dict[Place, str] = field(default_factory=dict)
    """The ids of the repositories that a server has made."""


def places_for(policy: Policy, names: Sequence[str]) -> list[Place]:
    """Return where the copies of these hosts go."""
    return [place for name in names for place in places_of(policy, policy.host(name))]


def every_place(policy: Policy) -> list[Place]:
    """Return where copies go, of all hosts."""
    return places_for(policy, [host.name for host in policy.hosts])


def disks_to_enable(vault: Vault) -> list[str]:
    """Return the removable targets that lack a repository, or have yet to get new secrets."""
    lacking = (
        place.target.name
        for place in every_place(vault.policy)
        if place.target.is_removable
        and (_newest(vault, place).repository is None or _newest(vault, place).state == "pending")
    )
    return sorted(set(lacking))


def with_missing_secrets(
    content: Content, places: Sequence[Place], now: datetime.datetime
) -> Content:
    """Return the content with secrets for each place that has none yet."""
    known = {(entry.host, entry.target) for entry in content.entries}
    for place in places:
        host, target = place.host.name, place.target.name
        if (host, target) not in known:
            content = with_secret(content, host, target, new_generation(now))
    return content


def with_repositories(content: Content, made: Sequence[Enabled]) -> Content:
    """Return the content with the ids of the repositories that servers have made."""
    for each in made:
        for place, found in each.ids.items():
            content = with_repository(content, place.host.name, place.target.name, found)
    return content


def with_installed_secrets(
    content: Content, places: Sequence[Place], brought: Sequence[Enabled], policy: Policy
) -> Content:
    """Return the content after hosts got new secrets: what they had before is frozen."""
    done = {each.host for each in brought if not each.error}
    for place in places:
        host, target = place.host.name, place.target.name
        if policy.host_id(place.host) in done and content.entry(host, target).is_pending:
            content = with_installed(content, host, target)
    return content


def make_repositories(
    vault: Vault, places: Sequence[Place], today: datetime.date
) -> Iterator[Enabled]:
    """Make what servers do not have yet, and let the hosts' keys in; one result per server."""
    servers = sorted({place.server.name for place in places})

    def work(run: Run) -> Enabled:
        here = [place for place in places if place.server == run.subject]
        lines = ask(run, _serving(vault, run.policy, here))
        done = tuple(" ".join(line) for line in lines if line[0] in ("made", "keys", "frozen"))
        return Enabled(run.host.name, done, ids=_ids(vault, here, lines))

    return each_host(vault.policy, servers, today, work, _failed)


def bring_secrets(vault: Vault, places: Sequence[Place], today: datetime.date) -> Iterator[Enabled]:
    """Bring hosts their passwords and keys, and try them from there; one result per host."""
    hosts = sorted({place.host.name for place in places})

    def work(run: Run) -> Enabled:
        here = [place for place in places if place.host == run.subject]
        lines = ask(run, "".join(_bringing(vault, place) for place in here))
        opened = {line[1]: line[2] for line in lines if line[0] == "opens" and len(line) == 3}
        for place in here:
            name = place.target.name
            wanted = _newest(vault, place).repository
            if opened.get(name) != wanted:
                raise TransportError(f"{name}: opens another repository than the vault's {wanted}")
        done = tuple(" ".join(line) for line in lines if line[0] == "brought")
        return Enabled(run.host.name, done)

    return each_host(vault.policy, hosts, today, work, _failed)


def _serving(vault: Vault, policy: Policy, places: Sequence[Place]) -> str:
    """Return sh for a server. The password of a repository that is made is not in it."""
    disks = sorted({place.target.name for place in places if place.target.is_removable})
    script = "".join(call("disk", "mount", name) for name in disks)
    renewed = set()
    for place in places:
        secrets = _newest(vault, place)
        if secrets.repository is None:
            head = make(secrets.password)
            words = _base64(head.config), head.key_name, _base64(head.key)
            if secrets.state == "pending":
                renewed.add(place.user)
                script += call("freeze_repository", place.folder, place.name)
            script += call("seal_repository", place.folder, place.user, *words)
    for user in sorted({place.user for place in places}):
        theirs = [each for each in places_on(policy, places[0].server) if each.user == user]
        keys = [_key_line(vault, place, is_renewed=place in places) for place in theirs]
        script += call("bring_keys", user, stdin=encoded("".join(f"{key}\n" for key in keys)))
    return script + "".join(call("end_sessions", user) for user in sorted(renewed))


def _key_line(vault: Vault, place: Place, *, is_renewed: bool) -> str:
    """Return the line of the key that a host has for a target, or is to get now."""
    generations = vault.content.entry(place.host.name, place.target.name).generations
    had = [each for each in generations if each.state == "current"]
    secrets = generations[0] if is_renewed or not had else had[0]
    return place.key_line(secrets.public_key)


def _newest(vault: Vault, place: Place) -> Generation:
    """Return the secrets that a host has for a target, or is to get."""
    return vault.content.entry(place.host.name, place.target.name).newest


def _ids(vault: Vault, places: Sequence[Place], lines: Lines) -> dict[Place, str]:
    """Return the ids of the repositories that a server shows, each opened with its password."""
    shown = {line[1]: line[2:] for line in lines if line[0] == "repository" and len(line) == 5}
    found = {}
    for place in places:
        secrets = _newest(vault, place)
        if secrets.repository is None:
            found[place] = _id(place, shown.get(place.folder, ()), secrets.password)
    return found


def _id(place: Place, shown: Sequence[str], password: SecretStr) -> str:
    try:
        config, name, key = shown
        head = Head(base64.b64decode(config), name, base64.b64decode(key))
    except (ValueError, binascii.Error):
        raise TransportError(f"{place.folder}: the server does not show it") from None
    return repository_id(head, password)


def _bringing(vault: Vault, place: Place) -> str:
    """Return sh that brings a host what it needs for a target, and has it tried there."""
    secrets, target = _newest(vault, place), place.target.name
    files = {
        "known_hosts": known_hosts(vault.policy, place),
        "key": secrets.private_key.get_secret_value(),
        # The last one: with it the service runs.
        "password": secrets.password.get_secret_value() + "\n",
    }
    bring = (
        call("bring_secret", target, name, stdin=encoded(text)) for name, text in files.items()
    )
    return "".join(bring) + call("try_repository", target)


def known_hosts(policy: Policy, place: Place) -> str:
    """Return the server's pinned keys under the name that the host's ssh looks up."""
    route = policy.route(place.server)
    port = place.server.port
    name = place.address if port == 22 else f"[{place.address}]:{port}"
    keys = pinned(route.known_hosts, route.name)
    return "".join(f"{name} {key.get_name()} {key.get_base64()}\n" for key in keys)


def _failed(host: str, reason: str) -> Enabled:
    return Enabled(host, error=reason)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
