"""Places: which host brings its copies where. Pure."""

from __future__ import annotations

import datetime
import hashlib
import shlex
from dataclasses import dataclass

from rempart.policy import Host, Policy
from rempart.policy.backup import Database, Source, Target
from rempart.policy.value import IPAddress

INGEST_GROUP = "rempart-ingest"
"""The accounts through which hosts bring their backups; sshd's Match names it."""

INGEST_KEYS = "/etc/ssh/ingest_keys.d"
SERVE = "/usr/bin/python3 -I -X utf8 /etc/rempart-ingest/serve.py"
LONGEST_LOGIN = 32
"""useradd(8)."""

DUMPS = "/var/lib/rempart-dump"
ITSELF = "127.0.0.1"


@dataclass(frozen=True)
class Place:
    """A repository: what a host keeps at a target."""

    host: Host
    target: Target
    server: Host
    router: IPAddress
    """The address by which the host is reached from afar: its outermost jump host's."""

    @property
    def user(self) -> str:
        """Return the server's account through which this host brings its backups."""
        login = f"bk-{self.host.name}"
        if len(login) <= LONGEST_LOGIN:
            return login
        digest = hashlib.sha256(login.encode()).hexdigest()[:8]
        return f"{login[: LONGEST_LOGIN - 9]}-{digest}"

    @property
    def name(self) -> str:
        """Return the repository's name on its server."""
        return f"{self.host.name}/{self.target.name}"

    @property
    def folder(self) -> str:
        """Return the repository's folder on the server."""
        return f"{self.target.folder}/{self.host.name}"

    @property
    def address(self) -> str:
        """Return the server's address as the host sees it."""
        if self.is_local:
            return ITSELF
        inside = self.server.inside if self.host.jump == self.server.name else ()
        return str(next(iter(inside), self.server.address))

    @property
    def is_local(self) -> bool:
        """Tell whether the host keeps its own copy."""
        return self.host == self.server

    @property
    def sources(self) -> tuple[str, ...]:
        """Return the host's addresses as the server may see them.

        A server elsewhere sees that of the practice's router, by which its jump host is reached.
        """
        if self.is_local:
            return (ITSELF,)
        near = (None, self.server.name, self.server.jump)
        seen = {self.host.address} if self.host.jump in near else {self.host.address, self.router}
        return tuple(sorted(map(str, seen)))

    @property
    def ingest(self) -> str:
        """Return the one command that the host's key may run, whatever it asks for."""
        return f"{SERVE} {shlex.quote(self.folder)}"

    def key_line(self, public_key: str) -> str:
        """Return the host's line below ``INGEST_KEYS``, sshd(8) AUTHORIZED_KEYS FILE FORMAT."""
        return f"{self.key_options()} {public_key}"

    def lent_key_line(self, there: Place, public_key: str, until: datetime.datetime) -> str:
        """Return a line with which another host reads this repository, for some time.

        ``there`` is where that host's own copies would be.
        """
        expiry = f',expiry-time="{until.astimezone(datetime.UTC):%Y%m%d%H%M%SZ}"'
        return f"{self.key_options(there, expiry)} {public_key}"

    def key_options(self, seen: Place | None = None, more: str = "") -> str:
        """Return what stands before a key: from where, and for which one command."""
        command = self.ingest.replace('"', '\\"')
        sources = ",".join((seen or self).sources)
        return f'restrict,from="{sources}"{more},command="{command}"'


def sources_of(policy: Policy, host: Host) -> tuple[Source, ...]:
    """Return what that host backs up."""
    sources = policy.backup.sources if policy.backup else ()
    return tuple(source for source in sources if host.name in source.hosts)


def databases_of(policy: Policy, host: Host) -> tuple[Database, ...]:
    """Return what that host dumps before."""
    databases = policy.backup.databases if policy.backup else ()
    return tuple(each for each in databases if host.name in each.hosts)


def server_of(place: Place, user: str) -> dict[str, object]:
    """Return how `client` reaches a place's server."""
    return {"address": place.address, "port": place.server.port, "user": user}


def canaries_of(policy: Policy, host: Host) -> list[str]:
    """Return the files of that host whose change is an alarm."""
    canaries = policy.backup.canaries if policy.backup else ()
    return sorted(str(each.path) for each in canaries if host.name in each.hosts)


def paths_of(policy: Policy, host: Host, target: Target) -> list[str]:
    """Return the paths of that host's backups to a target, what rempart adds included."""
    paths = {str(path) for source in sources_of(policy, host) for path in source.paths}
    dumps = {DUMPS} if databases_of(policy, host) else set()
    return sorted(paths | dumps | {f"/var/lib/rempart-backup/{target.name}.nonce"})


def places_of(policy: Policy, host: Host) -> tuple[Place, ...]:
    """Return where that host's copies go, by target; a server of this practice each."""
    if policy.backup is None or not (sources_of(policy, host) or databases_of(policy, host)):
        return ()
    return tuple(place_at(policy, host, target) for target in policy.backup.targets)


def place_at(policy: Policy, host: Host, target: Target) -> Place:
    """Return where a host's copies are, or would be, at a target."""
    outermost = host
    while outermost.jump:
        outermost = policy.host(outermost.jump)
    return Place(host, target, policy.host(target.host), outermost.address)


def places_on(policy: Policy, server: Host) -> tuple[Place, ...]:
    """Return the repositories that a server keeps, by host."""
    everywhere = (place for host in policy.hosts for place in places_of(policy, host))
    return tuple(place for place in everywhere if place.server == server)
