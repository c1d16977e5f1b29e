"""Roster: the accounts of people that may be on a host at all; every other one is closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from rempart.resources.base import Change, Observation, Resource, call
from rempart.resources.group import ACCOUNT_FILES

CLOSED = "1"
"""Expired since 1970-01-02, shadow(5): not one of the days that a policy writes."""


@dataclass(frozen=True, kw_only=True)
class Roster(Resource):
    """All accounts with uid 1000 and above; those that are not ``known`` are to be expired."""

    kind = "roster"
    rank = 25

    known: tuple[str, ...]

    @property
    def key(self) -> str:
        """Return the one key of its kind."""
        return "accounts"

    @property
    def label(self) -> str:
        """Return what is done."""
        return "Lock accounts that the policy does not name"

    @classmethod
    def probe(cls, resources: Sequence[Self]) -> str:
        """Ask getent for all accounts."""
        return "probe_roster\n"

    def diff(self, seen: Observation) -> Change | None:
        """Compare who is there with who may be."""
        unknown = [
            login
            for login, (expires, *_) in sorted(seen.facts.get("account", {}).items())
            if login not in self.known and expires != CLOSED
        ]
        if not unknown:
            return None
        lines = [f"- account {login}" for login in unknown]
        return self.change("update", lines, call("lock_accounts", CLOSED, *unknown))

    def original(self, seen: Observation) -> tuple[str, ...]:
        """Keep when the accounts would have expired by themselves, ``LOGIN=DAY``."""
        found = sorted(seen.facts.get("account", {}).items())
        return tuple(f"{login}={day}" for login, (day, *_) in found if login not in self.known)

    @classmethod
    def touches(cls, key: str) -> tuple[str, ...]:
        """Return what the guard must be able to put back."""
        return ACCOUNT_FILES

    @classmethod
    def undo(cls, key: str, original: tuple[str, ...], seen: Observation) -> tuple[list[str], str]:
        """Let those in again whom it locked and who are still there."""
        days = dict(entry.rpartition("=")[::2] for entry in original)
        script = "".join(call("unlock_account", CLOSED, *pair) for pair in days.items())
        return [f"+ account {login}, unless it was opened since" for login in days], script
