"""Encrypted backups: what, when, where to, how long, and how tampering is noticed."""

from __future__ import annotations

import datetime
from typing import Literal, Self

from pydantic import model_validator

from rempart.policy.base import Model, described
from rempart.policy.mistake import wrong
from rempart.policy.value import (
    AbsolutePath,
    Clock,
    Country,
    Date,
    Duration,
    Label,
    Text,
    Uuid,
    Word,
)

REMOVABLE_HOURS = 8 * 24
"""A disk that is plugged in every week."""


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
    host: Label = described(
        "The host that keeps the copy, or to which the disk is plugged.", "srv-sftp"
    )
    disk: Uuid | None = described(
        "UUID of a removable disk's ext4 file system, as `blkid` shows it.",
        "3255683f-53a2-4fdf-91cf-b4c1041e2a62",
        default=None,
    )
    folder: AbsolutePath = described(
        "Folder with the repositories, one per host; a removable disk is mounted there.",
        "/srv/backup/cabinet-rivoire",
    )
    max_age_hours: int | None = described(
        "Age in hours after which the newest backup there is a finding, where it differs from"
        " `backup.max_age_hours`; 8 days for a removable disk.",
        200,
        default=None,
        strict=True,
        ge=1,
        le=8760,
    )
    quota_percent: int = described(
        "How much of the disk, in bytes and in files, one host's repository may take.",
        50,
        default=50,
        strict=True,
        ge=1,
        le=95,
    )
    reserve_percent: int = described(
        "How much of the disk stays free for maintenance; below that, hosts bring nothing more.",
        10,
        default=10,
        strict=True,
        ge=1,
        le=50,
    )
    operator: Text = described("Who operates the place, for the GDPR register.", "Cabinet Rivoire")
    country: Country = described("Country of the place (ISO 3166-1).", "FR", default="FR")
    hds: HealthDataHosting | None = described(
        "The operator's HDS certificate, where others than the practice keep the data.",
        {"number": "HDS-2025-0042", "scope": "activités 1 à 6", "expires": "2028-03-31"},
        default=None,
    )

    @property
    def is_removable(self) -> bool:
        """Tell whether it is a disk that is there at times."""
        return self.kind == "removable"

    @model_validator(mode="after")
    def _has_a_disk_or_none(self) -> Self:
        if self.is_removable and self.disk is None:
            raise wrong("is removable and must have 'disk'", "write what blkid shows", show=False)
        if self.disk is not None and not self.is_removable:
            raise wrong(f"is {self.kind} and takes no 'disk'", "leave it out", show=False)
        return self


class Canary(Model):
    """A file that nobody uses; a change of it means that something rewrites files."""

    hosts: tuple[Label, ...] = described("Names of the hosts.", ["accueil-1"], min_length=1)
    path: AbsolutePath = described(
        "The file, made by hand; below a source.", "/srv/documents/0000-lisezmoi.pdf"
    )


class Database(Model):
    """Databases that are dumped before each backup, for a running one's files are no copy of it."""

    kind: Literal["postgresql", "mariadb", "sqlite", "hook"] = described(
        "`postgresql` and `mariadb` dump all databases there, `sqlite` one file; `hook` keeps what"
        " a program prints.",
        "postgresql",
    )
    hosts: tuple[Label, ...] = described("Names of the hosts.", ["srv-sftp"], min_length=1)
    path: AbsolutePath | None = described(
        "The SQLite file, or the program, which root alone can change.",
        "/usr/local/sbin/export-agenda",
        default=None,
    )

    @model_validator(mode="after")
    def _has_a_path_or_none(self) -> Self:
        if (self.path is None) == (self.kind in ("sqlite", "hook")):
            must = "must have 'path'" if self.path is None else "takes no 'path'"
            todo = "name the file" if self.path is None else "leave it out; all are dumped"
            raise wrong(f"is {self.kind} and {must}", todo, show=False)
        return self


class Backup(Model):
    """The practice's backups."""

    sources: tuple[Source, ...] = described(
        "What is backed up.", [{"hosts": ["accueil-1"], "paths": ["/srv/documents"]}], min_length=1
    )
    databases: tuple[Database, ...] = described(
        "What is dumped first.", [{"kind": "postgresql", "hosts": ["srv-sftp"]}], default=()
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

    def max_age(self, target: Target) -> datetime.timedelta:
        """Return the age after which the newest backup at a target is a finding."""
        usual = REMOVABLE_HOURS if target.is_removable else self.max_age_hours
        return datetime.timedelta(hours=target.max_age_hours or usual)
