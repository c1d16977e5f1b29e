"""SFTP exchange with correspondents: laboratories, colleagues, hospitals."""

from __future__ import annotations

import datetime
from typing import Literal

from rempart.policy.base import Model, described
from rempart.policy.person import AuthorizedKey
from rempart.policy.value import Date, Days, Label, Login, Network, Text


class Folder(Model):
    """A folder in a correspondent's own, closed root."""

    name: Label = described("The folder's name, as the correspondent sees it.", "empreintes")
    direction: Literal["receive", "send"] = described(
        "From the practice's side: `receive` is written by the correspondent, scanned, delivered;"
        " `send` is read by the correspondent.",
        "receive",
    )
    retention_days: Days = described(
        "Days after which files are deleted from the folder.", 30, default=30
    )


class Correspondent(Model):
    """An outsider who exchanges files with the practice, by SFTP and key alone."""

    login: Login = described("The account's name on the SFTP server.", "labo-martin")
    name: Text = described("Who it is.", "Laboratoire Martin, prothèses")
    keys: tuple[AuthorizedKey, ...] = described(
        "Public SSH keys.",
        [{"file": "keys/labo-martin.pub", "expires": "2027-06-30"}],
        min_length=1,
    )
    sources: tuple[Network, ...] = described(
        "Networks the correspondent comes from.", ["198.51.100.20/32"], min_length=1
    )
    folders: tuple[Folder, ...] = described(
        "The folders of the exchange.",
        [{"name": "empreintes", "direction": "receive"}],
        min_length=1,
    )
    until: Date = described("Last day of the access; it ends by itself.", "2027-06-30")

    def is_present(self, today: datetime.date) -> bool:
        """Return whether the correspondent has access on that day."""
        return today <= self.until


class Exchange(Model):
    """The practice's file exchange."""

    host: Label = described("Name of the SFTP server that carries it.", "srv-sftp")
    correspondents: tuple[Correspondent, ...] = described(
        "Who exchanges files with the practice.", [{"login": "labo-martin"}], default=()
    )
