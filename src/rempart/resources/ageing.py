"""Ageing: how long an account's password counts, shadow(5). Nobody is locked out by it.

A password that is overdue on the day the rule comes still opens for the days of warning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from rempart.resources.base import Change, Observation, Resource, call, quoted, table
from rempart.resources.group import ACCOUNT_FILES


@dataclass(frozen=True, kw_only=True)
class Ageing(Resource):
    """``max_days`` until a password must be renewed, ``warn_days`` of warning before."""

    kind = "ageing"
    rank = 25

    login: str
    max_days: int
    warn_days: int

    @property
    def key(self) -> str:
        """Return the login."""
        return self.login

    @property
    def label(self) -> str:
        """Return what is limited."""
        return f"Limit the age of {self.login}'s password"

    @classmethod
    def probe(cls, resources: Sequence[Self]) -> str:
        """Ask getent once; the password's own field stays on the host."""
        logins = [r.login for r in resources]
        awk = r"""awk -F: '{ print "ageing\t" $1 "\t" $5 "\t" $6 }'"""
        return table("ageing", logins) + f"getent shadow -- {quoted(logins)} | {awk}\n"

    def diff(self, seen: Observation) -> Change | None:
        """Compare both numbers; an account that is not there yet gets them from login.defs(5)."""
        found = seen.get("ageing", self.login)
        wanted = (str(self.max_days), str(self.warn_days))
        if found in (wanted, ("absent",)):
            return None
        lines = [
            f"- {(*found, '')[0] or 'no'} days, warning {(*found, '', '')[1] or 'no'} days before",
            f"+ {self.max_days} days, warning {self.warn_days} days before",
        ]
        return self.change("update", lines, call("set_ageing", self.login, *wanted))

    @classmethod
    def touches(cls, key: str) -> tuple[str, ...]:
        """Return what the guard must be able to put back."""
        return ACCOUNT_FILES

    @classmethod
    def undo(cls, key: str, original: tuple[str, ...], seen: Observation) -> tuple[list[str], str]:
        """Put the former numbers back."""
        if original == ("absent",):
            return ["- no longer looked after"], ""
        days = [word or "-1" for word in (*original, "", "")[:2]]
        lines = [f"+ {days[0]} days, warning {days[1]} days before"]
        return lines, call("restore_ageing", key, *days)
