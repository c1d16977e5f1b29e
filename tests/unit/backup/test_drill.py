"""What a drill makes of what a host says, and of what its server saw."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rempart.backup.drill import Comparison, Drilled, ReadBack, judged
from rempart.backup.start import Outcome, Ran
from rempart.backup.status import Row

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WELL = Comparison(
    nonce=True,
    files=9,
    empty=(),
    same=8,
    changed_here=1,
    different=(),
    bytes=5,
    seconds=2,
    error="",
)
MADE = Outcome(outcome="complete", snapshot="5" * 64, nonce="n")


def drilled(
    read: Comparison | None = WELL, made: Outcome = MADE, arrived_h: float | None = 0
) -> Drilled:
    old = Row("t/a", "cabinet", "fresh", NOW - timedelta(hours=3), 1)
    newest = old.newest if arrived_h is None else NOW + timedelta(hours=arrived_h)
    (found,) = judged(
        [old],
        [Ran("t/a", {"cabinet": made})],
        [ReadBack("t/a", {"cabinet": read} if read else {})],
        [Row("t/a", "cabinet", "fresh", newest, 2)],
        NOW,
    )
    return found


def test_copy_that_came_back_is_proven() -> None:
    found = drilled()
    assert (found.wrong, found.rpo_s) == ((), 3 * 3600)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"nonce": False}, "the nonce of this very backup did not come back"),
        ({"different": ("/a",)}, "differs from the file: /a"),
        ({"empty": ("/srv",)}, "no file of it is in the backup: /srv"),
        ({"same": 0}, "no file could be compared"),
        ({"error": "x\nciphertext verification failed"}, "reading it back failed: ciphertext"),
    ],
)
def test_anything_else_is_not(change: dict[str, object], said: str) -> None:
    (why,) = drilled(WELL.model_copy(update=change)).wrong
    assert why.startswith(said)


def test_host_s_word_alone_proves_nothing() -> None:
    assert drilled(arrived_h=None).wrong == ("nothing new has arrived at the server",)
    assert drilled(read=None).wrong == ("nothing was read back",)


def test_failed_and_partial_backups_are_not_proven() -> None:
    for outcome in ("failed", "partial"):
        made = MADE.model_copy(update={"outcome": outcome})
        assert any(outcome in why for why in drilled(made=made).wrong)
