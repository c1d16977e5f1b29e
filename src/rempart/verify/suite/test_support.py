"""UP-3: the distribution's support does not end unnoticed."""

from __future__ import annotations

import csv
from datetime import date, timedelta

import pytest

from rempart.verify.machine import AnswerError, Machine
from rempart.verify.proof import Proof

TABLE = "/usr/share/distro-info/debian.csv"
WARNED_BEFORE = timedelta(days=180)
_ENDS = ("eol", "eol-lts")
"""Debian's own security support, then the LTS team's, through the same archive."""


@pytest.mark.control("UP-3")
def test_release_is_supported(machine: Machine, today: date, proof: Proof) -> None:
    """Security support of the installed release goes on; half a year before its end is a note."""
    release = machine.ask(". /etc/os-release; echo $VERSION_CODENAME").strip()
    end = last_day(machine.ask(f"cat {TABLE}", name=TABLE), release)
    days = (end - today).days
    seen = f"{release} until {end}"
    if 0 <= days <= WARNED_BEFORE.days:
        proof.info(f"{seen}: {days} days left; plan the upgrade", TABLE)
        return
    proof.that(days >= 0, f"supported on {today}", seen, TABLE)


def last_day(table: str, release: str) -> date:
    """Return the last day of a release's security support; AnswerError when none is known."""
    rows = [row for row in csv.DictReader(table.splitlines()) if row.get("series") == release]
    found = [str(row[key]) for row in rows for key in _ENDS if row.get(key)]
    try:
        return max(map(date.fromisoformat, found))
    except ValueError:
        raise AnswerError(f"{TABLE}: says nothing of {release[:40]!r}") from None
