"""The policy of one practice: its YAML file as frozen models, and the questions others ask it."""

from __future__ import annotations

import datetime
from ipaddress import get_mixed_type_key, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import PrivateAttr, WithJsonSchema

from rempart.controls import CONTROLS, Baseline
from rempart.engine.route import Route
from rempart.errors import RempartError
from rempart.policy.account import Accounts
from rempart.policy.backup import Backup
from rempart.policy.base import Model, described
from rempart.policy.browser import Browsers
from rempart.policy.clock import Time
from rempart.policy.exchange import Exchange
from rempart.policy.firewall import Firewall
from rempart.policy.host import Host
from rempart.policy.person import Person
from rempart.policy.provider import Provider, Technician
from rempart.policy.update import Updates
from rempart.policy.value import Date, Email, IPNetwork, Label, Phone, Text


class Contact(Model):
    """Someone to call."""

    name: Text = described("Who it is.", "Dr Marie Durand")
    email: Email | None = described("Mail address.", "marie.durand@cabinet.example", default=None)
    phone: Phone | None = described("Telephone number.", "+33 1 23 45 67 89", default=None)


class Practice(Model):
    """The practice itself."""

    name: Label = described("Its name in host names, `<practice>/<host>`.", "cabinet-rivoire")
    title: Text = described("Its name in reports.", "Cabinet dentaire Rivoire")
    language: Literal["fr", "en"] = described(
        "Language of its reports and hand-outs.", "fr", default="fr"
    )
    contacts: tuple[Contact, ...] = described(
        "Whom to call.", [{"name": "Dr Marie Durand"}], default=()
    )


class ControlException(Model):
    """A control that is not applied to a host, for a reason and a time."""

    control: Annotated[str, WithJsonSchema({"type": "string", "enum": list(CONTROLS)})] = described(
        "The control's id.", "SE-1", strict=True
    )
    host: Label = described("Name of the host.", "accueil-1")
    reason: Text = described("Why.", "Poste de salle d'attente, sans session")
    expires: Date = described("Last day of the exception.", "2027-01-31")

    def is_live(self, today: datetime.date) -> bool:
        """Return whether the exception still counts on that day."""
        return today <= self.expires


class Policy(Model):
    """What one practice wants, all cross checks passed. Made by `rempart.policy.load`."""

    practice: Practice = described("The practice itself.", {"name": "cabinet-rivoire"})
    provider: Annotated[Provider, WithJsonSchema({"type": "string"})] = described(
        "The provider's YAML file, relative to this one or absolute.", "provider.yaml"
    )
    baseline: Baseline = described(
        "Level of ANSSI-BP-028 v2 that the hosts are held to.", "minimal", default="minimal"
    )
    people: tuple[Person, ...] = described(
        "Who works in the practice.", [{"login": "s.petit"}], default=()
    )
    hosts: tuple[Host, ...] = described(
        "The practice's machines.", [{"name": "accueil-1"}], min_length=1
    )
    accounts: Accounts = described(
        "Accounts that the policy does not name.", {"unknown": "report"}, default=Accounts()
    )
    exchange: Exchange | None = described(
        "File exchange with correspondents.", {"host": "srv-sftp"}, default=None
    )
    backup: Backup | None = described("Encrypted backups.", {"schedule": ["12:30"]}, default=None)
    firewall: Firewall = described(
        "Services that may be reached.", {"services": []}, default=Firewall()
    )
    updates: Updates = described("Security updates.", {"max_age_days": 7}, default=Updates())
    time: Time = described(
        "Time servers of the practice's own.", {"servers": ["192.168.1.1"]}, default=Time()
    )
    browsers: Browsers = described(
        "Browser policies of the practice's own.",
        {"firefox": {"Homepage": {"URL": "https://intranet.example"}}},
        default=Browsers(),
    )
    exceptions: tuple[ControlException, ...] = described(
        "Controls that are not applied to a host.", [{"control": "SE-1"}], default=()
    )
    _path: Path = PrivateAttr(default=Path())

    def model_post_init(self, context: Any) -> None:
        """Remember the file, which the validation's context names."""
        self._path = Path((context or {}).get("path", Path()))

    @property
    def path(self) -> Path:
        """The practice's YAML file, absolute."""
        return self._path

    def host(self, name: str) -> Host:
        """Return the host of that name; `RempartError` when there is none."""
        for host in self.hosts:
            if host.name == name:
                return host
        names = ", ".join(host.name for host in self.hosts)
        raise RempartError(
            f"{self.path}: hosts: there is no such host (got {name!r}); name one of {names}"
        )

    def host_id(self, host: Host) -> str:
        """Return ``practice/host``, the host's name in all that rempart prints and keeps."""
        return f"{self.practice.name}/{host.name}"

    def people_on(self, host: Host, today: datetime.date) -> tuple[Person, ...]:
        """Return the people who have an account on that host on that day."""
        return tuple(p for p in self.people if host.name in p.hosts and p.is_present(today))

    def technicians(self, today: datetime.date) -> tuple[Technician, ...]:
        """Return the technicians who have an account on every host on that day."""
        return tuple(t for t in self.provider.technicians if t.is_present(today))

    def leavers_on(self, host: Host, today: datetime.date) -> tuple[Person | Technician, ...]:
        """Return those whose last day on that host is over."""
        here = tuple(person for person in self.people if host.name in person.hosts)
        everybody: tuple[Person | Technician, ...] = (*here, *self.provider.technicians)
        return tuple(each for each in everybody if each.has_left(today))

    def kept_on(self, host: Host) -> tuple[str, ...]:
        """Return the logins of that host's accounts that stay although they are nobody's."""
        return tuple(k.login for k in self.accounts.kept if host.name in (k.hosts or (host.name,)))

    def reboot_time(self, host: Host) -> str:
        """Return when updates may reboot that host, ``HH:MM`` in its time zone."""
        return host.reboot_time or self.updates.reboot_time

    def excepted(self, host: Host, today: datetime.date) -> frozenset[str]:
        """Return the ids of the controls that are not applied to that host on that day."""
        live = (e for e in self.exceptions if e.host == host.name and e.is_live(today))
        return frozenset(exception.control for exception in live)

    def automation_sources(self, host: Host) -> tuple[IPNetwork, ...]:
        """Return the networks from which rempart's own connection arrives at that host, sorted.

        The management networks, or the inside addresses of the jump host that it passes last.
        """
        inside = self.host(host.jump).inside if host.jump else ()
        networks = set(map(ip_network, inside) if host.jump else self.provider.management)
        return tuple(sorted(networks, key=get_mixed_type_key))

    def route(self, host: Host | str) -> Route:
        """Return how rempart reaches a host (or the host of that name), hop by hop.

        Each hop has its own file of pinned host keys, beside the inventory.
        """
        host = self.host(host) if isinstance(host, str) else host
        return Route(
            name=self.host_id(host),
            address=str(host.address),
            port=host.port,
            user=self.provider.automation.user,
            key_file=self.provider.automation.key,
            known_hosts=self.path.parent / "known_hosts" / self.practice.name / host.name,
            jump=self.route(host.jump) if host.jump else None,
        )
