"""Updates: security updates install themselves (UP-1); verify looks at the outcome (UP-2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from rempart.policy import Host, Policy, Traits
from rempart.resources import File, Package, Resource, Unit
from rempart.template import render

DROP_IN = "/etc/apt/apt.conf.d/52rempart"
RESTARTS = "/etc/needrestart/conf.d/50-rempart.conf"

SPARED = ("ssh", "systemd-networkd", "systemd-resolved", "ifup@", "greetd", "display-manager")
"""Units that needrestart must not restart: ways in, networks, desktops."""


def desired(policy: Policy, host: Host, traits: Traits, today: date) -> Sequence[Resource]:
    """Return unattended-upgrades, Debian's own two timers, and restarts of what ran old code."""
    common: dict[str, Any] = {"concern": "updates", "controls": ("UP-1", "UP-2")}
    return [
        Package(**common, package="unattended-upgrades"),
        File(
            **common,
            path=DROP_IN,
            content=render(
                DROP_IN, reboot=policy.updates.reboot, reboot_time=policy.reboot_time(host)
            ),
            check='apt-config -c "$CANDIDATE" dump >/dev/null',
        ),
        Package(concern="updates", controls=("UP-1",), package="needrestart"),
        File(
            concern="updates",
            controls=("UP-1",),
            path=RESTARTS,
            content=render(RESTARTS, spared=SPARED),
            check="perl -e 'do $ARGV[0]; die $@ if $@' \"$CANDIDATE\"",
        ),
        *(
            Unit(**common, unit=timer, enabled=True, running=True)
            for timer in ("apt-daily.timer", "apt-daily-upgrade.timer")
        ),
    ]
