"""Until when a release is supported."""

from __future__ import annotations

from datetime import date

import pytest

from rempart.verify import support
from rempart.verify.machine import AnswerError

TABLE = """version,codename,series,created,release,eol,eol-lts,eol-elts
12,Bookworm,bookworm,2021-08-14,2023-06-10,2026-06-10,2028-06-30,2033-06-30
14,Forky,forky,2025-08-09
13,Trixie,trixie,2023-06-10,2025-08-09,2028-08-09
"""


@pytest.mark.parametrize(
    ("release", "end"), [("bookworm", date(2028, 6, 30)), ("trixie", date(2028, 8, 9))]
)
def test_the_last_security_support_counts(release: str, end: date) -> None:
    assert support.last_day(TABLE, release) == end


@pytest.mark.parametrize("release", ["forky", "sid", ""])
def test_release_without_an_end_is_no_answer(release: str) -> None:
    with pytest.raises(AnswerError, match="says nothing of"):
        support.last_day(TABLE, release)


@pytest.mark.parametrize("table", ["", "\0", "series,eol\nbookworm,soon\n", "series\nbookworm\n"])
def test_rubbish_is_no_answer(table: str) -> None:
    with pytest.raises(AnswerError):
        support.last_day(table, "bookworm")
