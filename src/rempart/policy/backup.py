"""Encrypted backups: what, when, where to, how long, and how tampering is noticed."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from rempart.policy.base import Model, described
from rempart.policy.mistake import wrong
from rempart.policy.value import (
    AbsolutePath,
    Address,
    Clock,
    Country,
    Date,
    Duration,
    Label,
    Port,
    Text,
    Word,
)


class Source(Model):
    """Folders that hosts back up."""

    hosts: tuple[Label, ...] = described("Names of the hosts.", ["accueil-1"], min_length=1)
    paths: tuple[AbsolutePath, ...] = described(
        "Files and folders, absolute.", ["/srv/documents"], min_length=1
    )
    exclude: tuple[AbsolutePath, ...] = described(
        "Files and folders below them that are left out.", ["/srv/documents/tmp"], default=()
    )


class Retention(Model):
    """How long snapshots are kept, counted by their arrival at the server.

    Durations as restic's ``--keep-within…`` (060_forget.rst), never counts: forged snapshots push
    genuine ones out of a count.
    """

    keep_within: Duration = described("All snapshots of this time.", "14d", default="14d")
    keep_within_daily: Duration = described("One a day.", "60d", default="60d")
    keep_within_weekly: Duration = described("One a week.", "1y", default="1y")
    keep_within_monthly: Duration = described("One a month.", "5y", default="5y")


class HealthDataHosting(Model):
    """Certificate of a host of health data (HDS, article L.1111-8 Code de la santé publique)."""

    number: Word = described("The certificate's number.", "HDS-2025-0042")
    scope: Text = described("The activities it covers.", "activités 1 à 6")
    expires: Date = described("Its last day.", "2028-03-31")


class Target(Model):
    """A place that holds one independent copy of every repository."""

    name: Label = described("The target's name.", "provider")
    kind: Literal["onsite", "offsite", "removable"] = described(
        "`onsite` is a server of the practice, `offsite` one elsewhere, `removable` a disk that is"
        " plugged in for the backup alone.",
        "offsite",
    )
    host: Label | None = described(
        "A host of this practice that keeps the copy, or to which the disk is plugged.",
        "srv-sftp",
        default=None,
    )
    address: Address | None = described(
        "IP address of a server outside this practice.", "203.0.113.20", default=None
    )
    port: Port = described("TCP port of that server's SSH.", 22, default=22)
    folder: AbsolutePath = described(
        "Folder with the repositories, one per host.", "/srv/backup/cabinet-rivoire"
    )
    operator: Text = described("Who operates the place, for the GDPR register.", "Cabinet Rivoire")
    country: Country = described("Country of the place (ISO 3166-1).", "FR", default="FR")
    hds: HealthDataHosting | None = described(
        "The operator's HDS certificate, where others than the practice keep the data.",
        {"number": "HDS-2025-0042", "scope": "activités 1 à 6", "expires": "2028-03-31"},
        default=None,
    )

    @model_validator(mode="after")
    def _is_somewhere(self) -> Self:
        if (self.host is None) == (self.address is None):
            raise wrong("must have one of 'host' and 'address'", "write one of them", show=False)
        if self.kind != "offsite" and self.host is None:
            raise wrong(
                f"is {self.kind} and must have 'host'", "name a host of this practice", show=False
            )
        return self


class Canary(Model):
    """A file that nobody uses; a change of it means that something rewrites files."""

    hosts: tuple[Label, ...] = described("Names of the hosts.", ["accueil-1"], min_length=1)
    path: AbsolutePath = described("The file; below a source.", "/srv/documents/0000-lisezmoi.pdf")


class Backup(Model):
    """The practice's backups."""

    sources: tuple[Source, ...] = described(
        "What is backed up.", [{"hosts": ["accueil-1"], "paths": ["/srv/documents"]}], min_length=1
    )
    schedule: tuple[Clock, ...] = described(
        "Times of day, in the host's time zone (HH:MM).", ["12:30", "19:00"], min_length=1
    )
    max_age_hours: int = described(
        "Age in hours after which the newest restorable backup is a finding (RPO).",
        26,
        default=26,
        strict=True,
        ge=1,
        le=8760,
    )
    retention: Retention = described(
        "How long snapshots are kept.", {"keep_within": "14d"}, default=Retention()
    )
    targets: tuple[Target, ...] = described(
        "Where copies lie; 3-2-1 asks for one of each kind.",
        [{"name": "local", "kind": "onsite", "host": "srv-sftp"}],
        min_length=1,
    )
    canaries: tuple[Canary, ...] = described(
        "Files whose change is an alarm.",
        [{"hosts": ["accueil-1"], "path": "/srv/documents/0000-lisezmoi.pdf"}],
        default=(),
    )

    @property
    def places(self) -> tuple[tuple[str, str], ...]:
        """Each host that backs something up with each target: every pair has its own secrets."""
        hosts = sorted({host for source in self.sources for host in source.hosts})
        targets = sorted({target.name for target in self.targets})
        return tuple((host, target) for host in hosts for target in targets)
