"""Who can read a vault, and whose signature counts: the technicians present, and keys on paper."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable
from typing import Annotated, Literal

from pydantic import PlainValidator

from rempart.policy.base import Model
from rempart.policy.key import age_key, fingerprint, public_key
from rempart.policy.mistake import wrong
from rempart.policy.model import Policy
from rempart.policy.provider import Technician
from rempart.policy.value import LABEL, LOGIN
from rempart.vault.error import VaultError

SSH_TYPE = "ssh-ed25519"
"""The SSH key type that age encrypts to and that signs; RSA and FIDO keys open no vault."""


def recipient_name(value: object) -> str:
    """Return a technician's login, or the name of an offline key."""
    if not isinstance(value, str) or not (LOGIN.fullmatch(value) or LABEL.fullmatch(value)):
        raise wrong("must be a name in lower case", "write 1 to 32 of a-z 0-9 . _ -")
    return value


def recipient_key(value: object) -> str:
    """Return ``age1…`` or ``ssh-ed25519 AAAA…``, without a comment: one spelling per key."""
    if not isinstance(value, str) or not value.startswith(f"{SSH_TYPE} "):
        return age_key(value)
    return " ".join(public_key(value).split()[:2])


class Recipient(Model):
    """One public key that a vault is encrypted to."""

    name: Annotated[str, PlainValidator(recipient_name)]
    kind: Literal["technician", "offline"]
    key: Annotated[str, PlainValidator(recipient_key)]

    @property
    def id(self) -> str:
        """The key as people compare it: ``SHA256:…`` of an SSH key, an age key itself."""
        return key_id(self.key)

    @property
    def signs(self) -> bool:
        """Whether a vault may be signed with this key."""
        return self.kind == "technician" and self.key.startswith(SSH_TYPE)

    def __str__(self) -> str:
        """Return ``t.leroy (technician, SHA256:…)``."""
        return f"{self.name} ({self.kind}, {self.id})"


def key_id(key: str) -> str:
    """Return a recipient's key as people compare it."""
    return fingerprint(key) if key.startswith(SSH_TYPE) else key


def technicians(policy: Policy, today: datetime.date) -> tuple[Recipient, ...]:
    """Return the keys of the technicians who are present on that day, sorted.

    A technician without any key that age encrypts to is missing; `keyless` names those.
    """
    found = (r for t in policy.technicians(today) for r in _keys(t, today))
    return tuple(sorted(set(found), key=lambda each: (each.name, each.key)))


def keyless(policy: Policy, today: datetime.date) -> tuple[str, ...]:
    """Return the logins of technicians present who have no key that opens a vault."""
    return tuple(t.login for t in policy.technicians(today) if not list(_keys(t, today)))


def _keys(technician: Technician, today: datetime.date) -> Iterable[Recipient]:
    ssh = (key.text for key in technician.keys if key.is_valid(today))
    keys = [text for text in ssh if text.startswith(f"{SSH_TYPE} ")]
    for key in (*keys, *technician.age_keys):
        yield Recipient(name=technician.login, kind="technician", key=key)


def signers(recipients: Iterable[Recipient]) -> dict[str, str]:
    """Return whose signature counts among these: the name of each by key."""
    return {each.key: each.name for each in recipients if each.signs}


def check_recipients(recipients: Collection[Recipient]) -> None:
    """Raise `VaultError` when no offline key is among them, or one name or key is two people's."""
    if not any(each.kind == "offline" for each in recipients):
        raise VaultError(
            "no offline key would be left: when the provider is gone, nobody could read the"
            " backups; add one with --offline NAME"
        )
    owners: dict[str, str] = {}
    kinds: dict[str, tuple[str, str]] = {}
    for each in recipients:
        if owners.setdefault(each.key, each.name) != each.name:
            raise VaultError(f"{each.name} and {owners[each.key]} have the same key; make another")
        # A technician may have several keys, an offline name stands for one paper.
        this = (each.kind, each.key if each.kind == "offline" else "")
        if kinds.setdefault(each.name, this) != this:
            raise VaultError(f"{each.name} is the name of two recipients; choose another name")
