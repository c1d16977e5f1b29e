"""Time: one service keeps the clock right, for logs are only as good as their times (DR-1).

chrony on every host: auditors ask for it (ANSSI-BP-028 R71), and a host whose release decided
otherwise would differ from its neighbours. A container has its machine's clock; there the unit's
own condition (CAP_SYS_TIME) keeps it off.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from rempart.policy import Host, Policy, Traits
from rempart.resources import File, Package, Resource, Unit
from rempart.template import render

UNIT = "chrony.service"
SOURCES = "/etc/chrony/sources.d/rempart.sources"

OTHERS = ("ntp", "ntpsec", "openntpd", "systemd-timesyncd")
"""Debian has at most one of all these installed."""


def desired(policy: Policy, host: Host, traits: Traits, today: date) -> Sequence[Resource]:
    """Return chrony alone, with the practice's servers beside Debian's pool."""
    common: dict[str, Any] = {"concern": "time", "controls": ("DR-1",)}
    servers = policy.time.servers
    return [
        *(Package(**common, package=other, present=False) for other in OTHERS),
        Package(**common, package="chrony"),
        *(
            [
                File(
                    **common,
                    reloads=(UNIT,),
                    path=SOURCES,
                    content=render(SOURCES, servers=sorted(map(str, servers))),
                )
            ]
            if servers
            else []
        ),
        Unit(**common, unit=UNIT, enabled=True, running=None if traits.is_container else True),
    ]
