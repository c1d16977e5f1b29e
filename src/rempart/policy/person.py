"""Who: the people of a practice, and the keys with which they log in."""

from __future__ import annotations

import datetime
from typing import Literal, Self

from pydantic import ConfigDict, StrictBool, model_validator

from rempart.policy.base import Model, described
from rempart.policy.key import KeyInFile, PublicKey
from rempart.policy.mistake import wrong
from rempart.policy.value import Date, FullName, Label, Login

PersonRole = Literal[
    "practitioner",
    "locum",
    "assistant",
    "secretary",
    "manager",
    "intern",
    "administrator",
]


class AuthorizedKey(Model):
    """A public SSH key, written out (`key`) or in a file (`file`), and until when it opens."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["key"]}, {"required": ["file"]}]}
    )

    key: PublicKey | None = described(
        "The line of a .pub file.", "ssh-ed25519 AAAA… s.petit", default=None
    )
    file: KeyInFile | None = described(
        "A .pub file, relative to this YAML file or absolute.", "keys/s.petit.pub", default=None
    )
    expires: Date | None = described(
        "The last day on which the key opens; never without it.", "2028-12-31", default=None
    )

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        if (self.key is None) == (self.file is None):
            raise wrong("must have one of 'key' and 'file'", "write one of them", show=False)
        return self

    @property
    def text(self) -> str:
        """The key as ``type base64 comment``, wherever it was written."""
        return self.key or self.file or ""

    def is_valid(self, today: datetime.date) -> bool:
        """Return whether the key opens on that day."""
        return self.expires is None or today <= self.expires


class Named(Model):
    """Somebody with a login of their own, and the days between which it opens."""

    login: Login = described("The account's name; the same on all hosts.", "s.petit")
    name: FullName = described("First name and name.", "Sophie Petit")
    from_: Date | None = described(
        "First day of the account; at once without it.", "2026-01-05", alias="from", default=None
    )
    until: Date | None = described(
        "Last day of the account; no end without it.", "2026-12-31", default=None
    )

    def is_present(self, today: datetime.date) -> bool:
        """Return whether the person has an account on that day."""
        return not (self.from_ and today < self.from_) and not self.has_left(today)

    def has_left(self, today: datetime.date) -> bool:
        """Return whether the last day is over."""
        return self.until is not None and today > self.until


class Person(Named):
    """A person of the practice: one login, for that person alone."""

    role: PersonRole = described(
        "What the person does. An administrator's account may use sudo, with a password, and is"
        " kept apart from that person's daily account.",
        "assistant",
    )
    hosts: tuple[Label, ...] = described(
        "Names of the hosts on which the person has an account.", ["accueil-1"], min_length=1
    )
    keys: tuple[AuthorizedKey, ...] = described(
        "Public SSH keys; without any, the person logs in at the screen alone.",
        [{"file": "keys/s.petit.pub"}],
        default=(),
    )
    scheduled_jobs: StrictBool = described(
        "Whether the person may make crontab(1) and at(1) jobs; backup programs of desktops do.",
        True,
        default=False,
    )
