"""What a vault keeps: per host and target the secrets of a repository, and who could read them.

Pure: each function returns a new content. A generation is what changes together, because changing
less revokes nothing: restic's master key outlives every password (MEASURED: `restic key` does not
revoke), so new secrets mean a NEW repository, and the old one is frozen.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from typing import Literal, Self

from pydantic import AwareDatetime, SecretStr, SerializationInfo, field_serializer, model_validator

from rempart.policy.base import Model
from rempart.policy.mistake import wrong
from rempart.policy.value import Label
from rempart.vault.error import VaultError
from rempart.vault.recipient import Recipient, key_id

REVEAL = {"reveal": True}
"""The context with which a content is written with its secrets; without it they are stars."""
State = Literal["pending", "current", "frozen"]
Change = Callable[["Entry"], "tuple[Generation, ...]"]


class Reader(Model):
    """Somebody who can read a generation, since when, and until which version of the vault.

    Whoever could read it once knows it for ever: `until` does not take that back.
    """

    name: str
    key: str
    since: AwareDatetime
    until: AwareDatetime | None = None

    @property
    def id(self) -> str:
        """The key as people compare it."""
        return key_id(self.key)

    def is_called(self, who: str) -> bool:
        """Tell whether a login, an offline key's name or a key (`Recipient.id`) is this reader."""
        return who in (self.name, self.id)


class Generation(Model):
    """The secrets of one repository of one host."""

    state: State
    made_at: AwareDatetime
    password: SecretStr
    private_key: SecretStr
    public_key: str
    repository: str | None = None
    readers: tuple[Reader, ...] = ()

    @field_serializer("password", "private_key", when_used="json")
    def _secret(self, value: SecretStr, info: SerializationInfo) -> str:
        revealed = info.context == REVEAL
        return value.get_secret_value() if revealed else str(value)

    def was_read_by(self, who: str) -> bool:
        """Tell whether somebody could read it at any time."""
        return any(reader.is_called(who) for reader in self.readers)

    def in_state(self, state: State) -> Generation:
        """Return this generation in another state."""
        return self.model_copy(update={"state": state})


class Entry(Model):
    """A host's repositories on one target, the newest generation first."""

    host: Label
    target: Label
    generations: tuple[Generation, ...]

    @model_validator(mode="after")
    def _has_one_current(self) -> Self:
        states = [each.state for each in self.generations]
        if states.count("current") != 1 or "pending" in states[1:]:
            raise wrong("must have one current generation", "restore the vault", show=False)
        return self

    def in_state(self, state: State) -> tuple[Generation, ...]:
        """Return the generations in that state."""
        return tuple(each for each in self.generations if each.state == state)

    @property
    def is_pending(self) -> bool:
        """Whether there are secrets that the host has yet to get."""
        return self.newest.state == "pending"

    @property
    def newest(self) -> Generation:
        """The generation that the host has, or is to get."""
        return self.generations[0]


class Content(Model):
    """Everything that is encrypted: `header` is the digest of the header that it belongs to."""

    header: str = ""
    entries: tuple[Entry, ...] = ()

    def entry(self, host: str, target: str) -> Entry:
        """Return the entry of a host and target; `VaultError` when there is none."""
        for entry in self.entries:
            if (entry.host, entry.target) == (host, target):
                return entry
        raise VaultError(f"{host}: {target}: the vault has no secret for it")


def with_secret(content: Content, host: str, target: str, made: Generation) -> Content:
    """Return the content with the first secrets of a host and target, as current ones."""
    if any((entry.host, entry.target) == (host, target) for entry in content.entries):
        raise VaultError(f"{host}: {target}: the vault has a secret for it; rotate it instead")
    entry = Entry(host=host, target=target, generations=(made.in_state("current"),))
    entries = sorted((*content.entries, entry), key=lambda each: (each.host, each.target))
    return content.model_copy(update={"entries": tuple(entries)})


def with_pending(content: Content, host: str, target: str, made: Generation) -> Content:
    """Return the content with new secrets that the host has yet to get.

    The current ones stay current until then. Pending ones may be on the host by now: frozen.
    """

    def change(entry: Entry) -> tuple[Generation, ...]:
        older = (g.in_state("frozen") if g.state == "pending" else g for g in entry.generations)
        return (made.in_state("pending"), *older)

    return _changed(content, host, target, change)


def with_installed(content: Content, host: str, target: str) -> Content:
    """Return the content after the host got its pending secrets: the earlier ones are frozen."""

    def change(entry: Entry) -> tuple[Generation, ...]:
        if not entry.is_pending:
            raise VaultError(f"{host}: {target}: nothing is pending")
        older = (each.in_state("frozen") for each in entry.generations[1:])
        return (entry.newest.in_state("current"), *older)

    return _changed(content, host, target, change)


def with_repository(content: Content, host: str, target: str, repository: str) -> Content:
    """Return the content with the id that restic gave the newest generation's repository."""

    def change(entry: Entry) -> tuple[Generation, ...]:
        known = entry.newest.repository
        if known not in (None, repository):
            raise VaultError(f"{host}: {target}: is repository {known} already")
        newest = entry.newest.model_copy(update={"repository": repository})
        return (newest, *entry.generations[1:])

    return _changed(content, host, target, change)


def without_frozen(content: Content, host: str, target: str, public_key: str) -> Content:
    """Return the content after a frozen repository was deleted; `VaultError` for any other."""

    def change(entry: Entry) -> tuple[Generation, ...]:
        if not any(g.public_key == public_key for g in entry.in_state("frozen")):
            raise VaultError(f"{host}: {target}: no frozen repository has that key")
        return tuple(each for each in entry.generations if each.public_key != public_key)

    return _changed(content, host, target, change)


def stamped(content: Content, recipients: Iterable[Recipient], now: datetime.datetime) -> Content:
    """Return the content with, in each generation, who can read it from now on and who no more."""
    present = {(each.name, each.key) for each in recipients}

    def change(generation: Generation) -> Generation:
        ended = [
            reader
            if reader.until or (reader.name, reader.key) in present
            else reader.model_copy(update={"until": now})
            for reader in generation.readers
        ]
        open_ = {(reader.name, reader.key) for reader in ended if reader.until is None}
        come = [Reader(name=name, key=key, since=now) for name, key in sorted(present - open_)]
        return generation.model_copy(update={"readers": (*ended, *come)})

    entries = (
        entry.model_copy(update={"generations": tuple(map(change, entry.generations))})
        for entry in content.entries
    )
    return content.model_copy(update={"entries": tuple(entries)})


def _changed(content: Content, host: str, target: str, change: Change) -> Content:
    found = content.entry(host, target)
    changed = found.model_copy(update={"generations": change(found)})
    entries = tuple(changed if entry is found else entry for entry in content.entries)
    return content.model_copy(update={"entries": entries})
