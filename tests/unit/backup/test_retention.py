"""Which snapshots have been kept for long enough."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rempart.backup.retention import expired, length
from rempart.backup.snapshots import Snapshot
from rempart.policy.backup import Retention

NOW = datetime(2026, 11, 20, 20, tzinfo=UTC)
SHORT = Retention(
    keep_within="2d", keep_within_daily="7d", keep_within_weekly="1m", keep_within_monthly="6m"
)


def snapshot(days: float, *, doubts: tuple[str, ...] = (), name: str = "") -> Snapshot:
    arrived = NOW - timedelta(days=days)
    return Snapshot(name or f"{days:g}", arrived, arrived, ("/srv",), doubts)


def kept(snapshots: list[Snapshot]) -> list[str]:
    gone = expired(snapshots, SHORT)
    return [each.id for each in snapshots if each not in gone]


@pytest.mark.parametrize(
    ("duration", "days"), [("14d", 14), ("48h", 2), ("1y6m", 366 + 186), ("1m2d", 33)]
)
def test_length(duration: str, days: int) -> None:
    assert length(duration) == timedelta(days=days)


def test_all_of_the_first_days_stay_and_then_the_last_of_each_day() -> None:
    snapshots = [snapshot(days / 4) for days in range(28, -1, -1)]
    days = {
        (NOW - timedelta(days=int(each) if each.isdigit() else float(each))).date()
        for each in kept(snapshots)
    }
    assert kept(snapshots)[-9:] == ["2", "1.75", "1.5", "1.25", "1", "0.75", "0.5", "0.25", "0"]
    assert len(days) == 8
    older = [each for each in kept(snapshots) if float(each) > 2]
    assert [(NOW - timedelta(days=float(each))).hour for each in older] == [20] * len(older)


def test_a_week_and_a_month_keep_their_last() -> None:
    snapshots = [snapshot(float(days)) for days in range(180, -1, -1)]
    months = {(NOW - timedelta(days=float(each))).strftime("%Y-%m") for each in kept(snapshots)}
    assert len(months) == 7
    assert len(kept(snapshots)) < 25


def test_forged_snapshots_push_nobody_out() -> None:
    """They arrive last on each day."""
    genuine = [snapshot(float(days), name=f"g{days}") for days in range(30, -1, -1)]
    forged = [
        snapshot(days - 0.1, doubts=("of another host",), name=f"f{days}")
        for days in range(30, 0, -1)
    ]
    both = sorted([*genuine, *forged], key=lambda each: each.arrived or NOW)
    assert [name for name in kept(both) if name[0] == "g"] == kept(genuine)


def test_a_policy_with_other_paths_keeps_as_much_of_what_came_before() -> None:
    before = [snapshot(float(days), doubts=("other paths",)) for days in range(180, 3, -1)]
    after = [snapshot(float(days)) for days in range(3, -1, -1)]
    months = {
        (NOW - timedelta(days=float(each))).strftime("%Y-%m") for each in kept(before + after)
    }
    assert len(months) == 7


def test_nothing_goes_of_a_host_that_is_gone() -> None:
    """The newest arrival counts, not today."""
    snapshots = [snapshot(days) for days in (1000.5, 1000.25, 1000)]
    assert kept(snapshots) == ["1000.5", "1000.25", "1000"]


def test_what_has_no_arrival_stays() -> None:
    unknown = Snapshot("u", NOW, None, (), ("its arrival is not noted",))
    assert expired([snapshot(900), unknown, snapshot(0)], SHORT) == [snapshot(900)]
