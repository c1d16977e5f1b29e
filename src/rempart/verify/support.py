"""Until when a release gets security updates, by distro-info-data's table (UP-3)."""

from __future__ import annotations

import csv
from datetime import date

from rempart.verify.machine import AnswerError

TABLE = "/usr/share/distro-info/debian.csv"
_ENDS = ("eol", "eol-lts")
"""Debian's own security support, then the LTS team's, through the same archive."""


def last_day(table: str, release: str) -> date:
    """Return the last day of a release's security support; AnswerError when none is known.

    >>> last_day("series,eol,eol-lts\\nbookworm,2026-06-10,2028-06-30\\n", "bookworm")
    datetime.date(2028, 6, 30)
    """
    try:
        rows = [row for row in csv.DictReader(table.splitlines()) if row.get("series") == release]
        return max(date.fromisoformat(row[key]) for row in rows for key in _ENDS if row.get(key))
    except (ValueError, csv.Error):
        raise AnswerError(f"{TABLE}: says nothing of {release[:40]!r}") from None
