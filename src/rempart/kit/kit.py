"""What stands in a recovery kit. Pure but for the pinned keys of servers.

Its commands use Debian's restic and ssh alone, so that they work without rempart and without the
provider.
"""

from __future__ import annotations

import datetime
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from rempart.backup.enable import known_hosts
from rempart.backup.place import Place
from rempart.policy import Policy
from rempart.vault import Vault


@dataclass(frozen=True)
class Sheet:
    """One repository: where it is, what opens it, and the commands that bring it back."""

    host: str
    target: str
    kind: str
    operator: str
    server: str
    address: str
    folder: str
    repository: str
    password: str
    key: str
    at_the_disk: tuple[str, ...]
    """Shell lines, to be typed where the server's disk is."""
    over_the_network: tuple[str, ...]
    """Shell lines for a machine that has the host's address; empty for the server's own copies."""


@dataclass(frozen=True)
class Kit:
    """A practice's kit, as of a day."""

    practice: str
    language: str
    made: datetime.date
    contacts: tuple[str, ...]
    sheets: tuple[Sheet, ...]


def kit_of(vault: Vault, places: Sequence[Place], language: str, today: datetime.date) -> Kit:
    """Return the kit for these repositories.

    Raises:
        VaultError: the vault has no secrets for one of them.
        HostKeyError: a server has no pinned key.
    """
    policy = vault.policy
    contacts = tuple(
        " ".join(filter(None, (each.name, each.phone, each.email)))
        for each in policy.practice.contacts
    )
    sheets = tuple(_sheet(vault, place) for place in places)
    return Kit(policy.practice.title, language, today, contacts, sheets)


def _sheet(vault: Vault, place: Place) -> Sheet:
    secrets = vault.secret(place.host.name, place.target.name)
    password = secrets.password.get_secret_value()
    key = secrets.private_key.get_secret_value().strip()
    server = place.server
    return Sheet(
        host=place.host.name,
        target=place.target.name,
        kind=place.target.kind,
        operator=place.target.operator,
        server=server.name,
        address=f"{server.address} port {server.port}",
        folder=place.folder,
        repository=secrets.repository or "",
        password=password,
        key=key,
        at_the_disk=_at_the_disk(place, password),
        over_the_network=_over_the_network(vault.policy, place, password, key),
    )


def _at_the_disk(place: Place, password: str) -> tuple[str, ...]:
    folder, disk = shlex.quote(str(place.target.folder)), place.target.disk
    mount = [f"mkdir -p {folder}; mount -t ext4 -o ro UUID={disk} {folder}"] if disk else []
    repository = f"--repo {shlex.quote(place.folder)}"
    return _lines([*mount, *_files({"password": password})], repository)


def _over_the_network(policy: Policy, place: Place, password: str, key: str) -> tuple[str, ...]:
    if place.is_local:
        return ()
    files = {"password": password, "key": key, "known_hosts": known_hosts(policy, place).strip()}
    way = (
        f"ssh -F /dev/null -i key -p {place.server.port} -o IdentitiesOnly=yes"
        " -o UserKnownHostsFile=known_hosts -o GlobalKnownHostsFile=/dev/null"
        f" -o StrictHostKeyChecking=yes {place.user}@{place.address}"
    )
    return _lines(_files(files), f"--repo rclone: -o rclone.program='{way}'")


def _files(contents: dict[str, str]) -> list[str]:
    lines = ["umask 077; mkdir -p kit; cd kit"]
    for name, text in contents.items():
        lines += [f"cat > {name} <<'END'", *text.splitlines(), "END"]
    return lines


def _lines(files: list[str], repository: str) -> tuple[str, ...]:
    restic = f"restic --no-cache --no-lock {repository} --password-file password"
    return (*files, f"{restic} snapshots", f"{restic} restore latest --target /restored")
