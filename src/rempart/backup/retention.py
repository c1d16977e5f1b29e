"""Retention: which snapshots have been kept for long enough. Pure.

Counted by their arrival at the server, for times in snapshots are their writers' claims; and by
durations, never by a number, for forged snapshots push genuine ones out of a count.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence

from rempart.backup.snapshots import Snapshot
from rempart.policy.backup import Retention

_DAYS = {"y": 366, "m": 31, "d": 1, "h": 1 / 24}
"""The longest years and months: rather a day more."""


def length(duration: str) -> datetime.timedelta:
    """Return a duration of the policy, such as ``1y6m`` or ``48h``."""
    parts = re.findall("([0-9]+)([ymdh])", duration)
    return datetime.timedelta(days=sum(int(count) * _DAYS[unit] for count, unit in parts))


def expired(snapshots: Sequence[Snapshot], retention: Retention) -> list[Snapshot]:
    """Return what is no longer wanted, by the newest arrival: nobody who is gone loses anything.

    All of ``keep_within`` stay, then the last of each day, week and month for their times. Those
    that something speaks against are kept by the same rule, apart, and take nobody's place: the
    policy may have had other paths then.
    """
    arrivals = [each.arrived for each in snapshots if each.arrived]
    if not arrivals:
        return []
    genuine = [each.arrived for each in snapshots if each.arrived and not each.doubts]
    newest = max(genuine or arrivals)
    kept = {s.id for s in snapshots if _is_within(s, newest, retention.keep_within)}
    for duration, period in (
        (retention.keep_within_daily, "%Y-%m-%d"),
        (retention.keep_within_weekly, "%G-W%V"),
        (retention.keep_within_monthly, "%Y-%m"),
    ):
        last = {
            (each.arrived.strftime(period), bool(each.doubts)): each.id
            for each in sorted(snapshots, key=lambda s: s.arrived or newest)
            if each.arrived and _is_within(each, newest, duration)
        }
        kept |= set(last.values())
    return [each for each in snapshots if each.arrived and each.id not in kept]


def _is_within(snapshot: Snapshot, newest: datetime.datetime, duration: str) -> bool:
    return snapshot.arrived is None or newest - snapshot.arrived <= length(duration)
