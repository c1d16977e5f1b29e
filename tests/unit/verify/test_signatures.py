"""How old the signatures are."""

from __future__ import annotations

import pytest

from rempart.verify.machine import AnswerError
from rempart.verify.signatures import made

HEADER = "daily\tClamAV-VDB:22 Nov 2026 07-30 +0000:27800:1:90:x:x:y:1795332600     "


def test_daily_database_counts_before_all_others() -> None:
    assert made(f"{HEADER}\nother\t1895332600.5\n") == 1795332600


def test_newest_of_others_counts_where_there_is_no_daily_one() -> None:
    assert made("other\t5.5\nother\t7.25\n") == 7.25
    assert made("") is None


@pytest.mark.parametrize("answer", ["daily\trubbish\n", "x\t1\n", "other\t\n", "\x1b[2J\n"])
def test_rubbish_is_no_answer(answer: str) -> None:
    with pytest.raises(AnswerError):
        made(answer)
