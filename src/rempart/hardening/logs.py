"""Logs: kept on disk, for long enough and not for ever (DR-1; ANSSI-BP-028 R71)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from rempart.policy import Host, Policy, Traits
from rempart.resources import Directory, File, Package, Resource, Unit
from rempart.template import render

DROP_IN = "/etc/systemd/journald.conf.d/rempart.conf"
UNIT = "systemd-journald.service"

MOST_DAYS = 365
"""CNIL, recommendation 2021-122 on logging: between six months and a year."""

MOST_MIB = 2048
"""About a year of a workstation's; journald also leaves 15 % of the disk free, journald.conf(5)."""


def desired(policy: Policy, host: Host, traits: Traits, today: date) -> Sequence[Resource]:
    """Return the journal's place and limits, and the rotation of what others write."""
    common: dict[str, Any] = {"concern": "logs", "controls": ("DR-1",)}
    return [
        Package(**common, package="logrotate"),
        Directory(**common, path="/etc/systemd/journald.conf.d"),
        Directory(**common, path="/var/log/journal", mode="2755", group="systemd-journal"),
        File(
            **common,
            reloads=(UNIT,),
            path=DROP_IN,
            content=render(DROP_IN, size_mib=MOST_MIB, days=MOST_DAYS),
        ),
        Unit(**common, unit=UNIT),
        Unit(**common, unit="logrotate.timer", enabled=True, running=True),
    ]
