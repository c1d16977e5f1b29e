"""The field: lab hosts of one practice, all alike, and what rempart wants them to be."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import control
from lab.host import Host
from lab.session import Session
from rempart.hardening import desired
from rempart.policy import load
from rempart.resources import Package, Resource
from tests.lab import practice

STOCK = "debian-12"
READY = practice.READY
"""Where no first apply is measured: most packages are there, which hardening would install."""


@dataclass(frozen=True)
class Target:
    """One host as all contestants reach it, at its address with its pinned key."""

    name: str
    host: Host
    known_hosts_line: str


@dataclass(frozen=True)
class Field:
    """Enrolled hosts; every contestant logs in with the same account and key."""

    folder: Path
    inventory: Path
    targets: list[Target]
    user: str
    key: Path
    desired: list[Resource]

    @property
    def known_hosts(self) -> Path:
        """The pinned keys by address, for those who do not know rempart's host names."""
        return self.folder / "known_hosts.txt"


def enrolled(lab: Session, folder: Path, count: int, image: str) -> Field:
    """Boot fresh Debian 12 workstations and enrol them as practice ``bench``."""
    hosts = {f"h{index:02}": host for index, host in enumerate(lab.fresh_hosts(count, image), 1)}
    inventory = practice.enrolled(folder, hosts, name="bench", people=[practice.MARIE])
    policy = load(inventory)
    today = datetime.date.today()
    wanted = [desired(policy, host, host.traits, today) for host in policy.hosts if host.traits]
    if wanted != wanted[:1] * count:
        raise RuntimeError("bench: the hosts should all be the same; the peers get one list")
    targets = [
        Target(name, host, _pinned(inventory.parent / "known_hosts" / "bench" / name, host))
        for name, host in hosts.items()
    ]
    automation = policy.provider.automation
    field = Field(folder, inventory, targets, automation.user, Path(automation.key), wanted[0])
    field.known_hosts.write_text("".join(target.known_hosts_line for target in targets))
    return field


def _pinned(file: Path, host: Host) -> str:
    _, kind, key = file.read_text().split()
    return f"{host.address} {kind} {key}\n"


def keep_as_they_are(field: Field, targets: Sequence[Target]) -> None:
    """Keep the disks for `roll_back`, after the lab's cache has seen all packages.

    Otherwise whoever comes first would pay for the downloads.
    """
    wanted = [each.package for each in field.desired if isinstance(each, Package) and each.present]
    names = " ".join([*wanted, "python3-apt"])  # the latter is Ansible's own need
    targets[0].host.run(f"apt-get install -q -y --download-only {names} && apt-get clean")
    control.each([target.host for target in targets], Host.snapshot)


def roll_back(targets: Sequence[Target]) -> None:
    """Boot the hosts with the disks that were kept, and wait until they have nothing to do."""
    hosts = [target.host for target in targets]
    control.each(hosts, Host.roll_back)
    for host in hosts:
        host.run("systemctl is-system-running --wait", check=False)


def sessions(host: Host, since: str) -> int:
    """Return how many sessions sshd counted since a place in the journal (`journal_end`).

    Needs ``LogLevel VERBOSE``, which hardened hosts have.
    """
    host.run("journalctl --sync")
    said = host.run(f"journalctl -o cat --after-cursor '{since}' -t sshd").stdout
    return said.count("Starting session") + said.count("subsystem request")


def journal_end(host: Host) -> str:
    """Return the place at which the host's journal ends now."""
    shown = host.run("journalctl --sync; journalctl -n 1 --show-cursor -o cat").stdout
    return shown.rpartition("-- cursor: ")[2].strip()
