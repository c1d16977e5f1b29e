"""The entries of a policy file that are valid by themselves, each with its place in the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from rempart.policy.backup import Target
from rempart.policy.base import Model
from rempart.policy.exchange import Correspondent
from rempart.policy.firewall import Service
from rempart.policy.host import Host
from rempart.policy.model import ControlException
from rempart.policy.person import Person
from rempart.policy.source import Location, Source

ModelT = TypeVar("ModelT", bound=Model)
Entries = dict[Location, ModelT]
Names = dict[Location, str]

HOST_REFERENCES = (
    ("people", "*", "hosts", "*"),
    ("accounts", "kept", "*", "hosts", "*"),
    ("hosts", "*", "jump"),
    ("firewall", "services", "*", "hosts", "*"),
    ("exchange", "host"),
    ("backup", "sources", "*", "hosts", "*"),
    ("backup", "databases", "*", "hosts", "*"),
    ("backup", "targets", "*", "host"),
    ("backup", "canaries", "*", "hosts", "*"),
    ("exceptions", "*", "host"),
)


@dataclass(frozen=True)
class Draft:
    """Valid entries, and the names that stand in the file, also in entries with other mistakes."""

    hosts: Entries[Host]
    people: Entries[Person]
    services: Entries[Service]
    exceptions: Entries[ControlException]
    correspondents: Entries[Correspondent]
    targets: Entries[Target]
    host_names: Names
    logins: Names
    host_references: Names


def draft_of(source: Source) -> Draft:
    """Return the valid entries of a policy file and the names in it."""
    data = source.data
    return Draft(
        hosts=_entries(source, Host, "hosts"),
        people=_entries(source, Person, "people"),
        services=_entries(source, Service, "firewall", "services"),
        exceptions=_entries(source, ControlException, "exceptions"),
        correspondents=_entries(source, Correspondent, "exchange", "correspondents"),
        targets=_entries(source, Target, "backup", "targets"),
        host_names=_names(data, ("hosts", "*", "name")),
        logins=_names(
            data,
            ("people", "*", "login"),
            ("accounts", "kept", "*", "login"),
            ("exchange", "correspondents", "*", "login"),
        ),
        host_references=_names(data, *HOST_REFERENCES),
    )


def _names(data: Any, *patterns: tuple[str, ...]) -> Names:
    found = (item for pattern in patterns for item in _find(data, pattern))
    return {where: name for where, name in found if isinstance(name, str)}


def _find(data: Any, pattern: tuple[str, ...]) -> Iterator[tuple[Location, Any]]:
    """Yield what stands at a pattern of keys, where ``*`` is any index of a list."""
    if not pattern:
        yield (), data
        return
    step, rest = pattern[0], pattern[1:]
    parts: Iterable[tuple[int | str, Any]] = ()
    if step == "*" and isinstance(data, list):
        parts = enumerate(data)
    elif isinstance(data, dict) and step in data:
        parts = [(step, data[step])]
    for key, value in parts:
        for where, found in _find(value, rest):
            yield (key, *where), found


def _entries(source: Source, model: type[ModelT], *steps: str) -> Entries[ModelT]:
    entries: Entries[ModelT] = {}
    for where, raw in _find(source.data, (*steps, "*")):
        # What is not valid is told with the whole file's mistakes.
        with suppress(ValidationError):
            entries[where] = model.model_validate(raw, context=source.context)
    return entries
