"""What all resource kinds share: the wanted value, the change that brings it about, what was seen.

A kind is one file with the same parts in the same order: the value type, its probe (POSIX sh that
asks about ALL resources of the kind in a handful of processes), its diff (pure) and its undo (what
to do with an object that rempart owns and the policy no longer wants).
"""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self

from rempart.engine.printable import printable

Action = Literal["create", "update", "remove", "release", "run"]
"""``release`` gives up an object that rempart owned; ``run`` reloads a daemon."""

MOST_SHOWN_LINES = 200
"""Of one change's diff: what a host says can make it longer, and somebody is to read it."""

MOST_SHOWN_CHARACTERS = 1_000
"""Of one line of a diff."""


class TooLongError(ValueError):
    """A host sent more than any real one needs to; the text says what of, in our own words."""


@dataclass(frozen=True)
class Observation:
    """What one host answered: ``facts[kind][key] -> fields``, all plain text.

    >>> Observation({"group": {"sudo": ("27", "admin")}}).get("group", "sudo")
    ('27', 'admin')
    """

    facts: dict[str, dict[str, tuple[str, ...]]]

    def get(self, kind: str, key: str) -> tuple[str, ...]:
        """Return the fields seen for an object; ``("absent",)`` when the host has none."""
        return self.facts.get(kind, {}).get(key, ("absent",))

    def has(self, kind: str, key: str) -> bool:
        """Tell whether the host answered about this object at all."""
        return key in self.facts.get(kind, {})

    @property
    def strangers(self) -> list[str]:
        """Return the host's neighbours in none of its networks: ``["192.0.2.1 on eth0"]``."""
        return sorted(self.facts.get("stranger", {}))


@dataclass(frozen=True)
class Change:
    """One difference between a host and the policy, and the script that removes it.

    ``diff`` is for people (unified diff or ``- old``/``+ new`` lines). ``script`` is POSIX sh run
    as root with the functions of ``engine/remote/lib.sh``, and ``precheck`` the part of it that can
    refuse before anything is changed. ``touches`` names what the guard must be
    able to put back: ``path:/etc/x``, ``unit:ssh.service``, ``sysctl:net.ipv4.ip_forward``, and
    ``made:/home/x``, which is removed again unless it was there before.
    """

    id: str
    concern: str
    controls: tuple[str, ...]
    action: Action
    label: str
    diff: tuple[str, ...]
    risky: bool
    script: str = field(default="", repr=False)
    precheck: str = field(default="", repr=False)
    touches: tuple[str, ...] = ()
    reloads: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Make the diff safe and short enough to show: bytes of the host's files are in it."""
        object.__setattr__(self, "diff", tuple(map(printable, _shortened(self.diff))))


def _shortened(lines: Sequence[str]) -> list[str]:
    shown = [
        line if len(line) <= MOST_SHOWN_CHARACTERS else f"{line[:MOST_SHOWN_CHARACTERS]}…"
        for line in lines[:MOST_SHOWN_LINES]
    ]
    more = len(lines) - len(shown)
    return [*shown, f"~ and {more} lines more, too long to show"] if more else shown


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One object that a host should have. ``risky`` sends its change through the guard."""

    concern: str
    controls: tuple[str, ...] = ()
    risky: bool = False
    reloads: tuple[str, ...] = ()

    kind: ClassVar[str]
    rank: ClassVar[int]
    """Place in the order of a run: settings and groups before users before files before units."""

    @property
    def key(self) -> str:
        """Return what names the object within its kind, such as a path."""
        raise NotImplementedError

    @property
    def label(self) -> str:
        """Return what an operator reads in a plan: a verb and the object."""
        raise NotImplementedError

    @property
    def digest(self) -> str:
        """Return a SHA-256 in hex of what is wanted."""
        return hashlib.sha256(repr(self).encode()).hexdigest()

    @property
    def id(self) -> str:
        """Return the object's name in plans and manifests, such as ``file:/etc/motd``."""
        return f"{self.kind}:{self.key}"

    @classmethod
    def probe(cls, resources: Sequence[Self]) -> str:
        """Return POSIX sh that prints ``kind<TAB>key<TAB>fields`` for every resource."""
        raise NotImplementedError

    def diff(self, seen: Observation) -> Change | None:
        """Return the change that is needed, or None where the host is as wanted. Pure."""
        raise NotImplementedError

    def original(self, seen: Observation) -> tuple[str, ...]:
        """Return what the manifest keeps of the state before rempart, enough to undo it."""
        return seen.get(self.kind, self.key)

    def kept(self, original: tuple[str, ...], seen: Observation) -> tuple[str, ...]:
        """Return what the manifest goes on keeping of the state before: what it kept, mostly."""
        return original

    @classmethod
    def touches(cls, key: str) -> tuple[str, ...]:
        """Return what the guard must be able to put back after a change of this object."""
        return ()

    @classmethod
    def undo(cls, key: str, original: tuple[str, ...], seen: Observation) -> tuple[list[str], str]:
        """Return (lines for people, script) that give an object up and restore the original."""
        raise NotImplementedError

    @classmethod
    def release(
        cls, key: str, original: tuple[str, ...], seen: Observation
    ) -> tuple[list[str], str]:
        """Do the same where rempart leaves the host for good: what it made goes."""
        return cls.undo(key, original, seen)

    def change(
        self,
        action: Action,
        diff: Sequence[str],
        script: str,
        also: Sequence[str] = (),
        precheck: str = "",
    ) -> Change:
        """Return a change of this resource; ``also`` names more that it touches."""
        return Change(
            id=self.id,
            concern=self.concern,
            controls=self.controls,
            action=action,
            label=self.label,
            diff=tuple(diff),
            risky=self.risky,
            script=script,
            precheck=precheck,
            touches=(*self.touches(self.key), *also),
            reloads=self.reloads,
        )


def call(function: str, *words: str, stdin: str | None = None) -> str:
    """Return one line of sh that calls a function of ``lib.sh`` with quoted words.

    ``stdin`` is given as a here-document; it must be base64, so it cannot end the document.
    """
    line = " ".join([function, *map(shlex.quote, words)])
    return f"{line} <<'BASE64'\n{stdin}\nBASE64\n" if stdin is not None else f"{line}\n"


def encoded(text: str) -> str:
    """Return a text as the base64 that ``call`` takes as ``stdin``."""
    return base64.encodebytes(text.encode()).decode().strip()


def write_state(name: str, text: str) -> str:
    """Return sh that replaces a file of rempart's own below ``/var/lib/rempart``, root only."""
    return call("write_state", name, stdin=encoded(text))


def table(kind: str, keys: Sequence[str], rest: str = "absent") -> str:
    """Return sh that prints ``kind<TAB>key<TAB>rest`` for each key; a later line overrides it."""
    lines = "\n".join(f"{kind}\t{key}\t{rest}" for key in keys)
    return f"cat <<'TABLE'\n{lines}\nTABLE\n" if keys else ""


def quoted(values: Sequence[str]) -> str:
    """Return values as quoted words of a shell command."""
    return " ".join(map(shlex.quote, values))
