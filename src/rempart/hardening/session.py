"""Sessions: what nobody sits at any more ends or locks itself (SE-1)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from rempart.policy import Host, Policy, Traits
from rempart.resources import File, Resource
from rempart.template import render

IDLE_S = 600
"""ANSSI-BP-028 R32: ten minutes."""

IDLE_SHELL = "/etc/profile.d/rempart-idle.sh"


def desired(policy: Policy, host: Host, traits: Traits, today: date) -> Sequence[Resource]:
    """Return what ends idle shells."""
    return [
        File(
            concern="session",
            controls=("SE-1",),
            path=IDLE_SHELL,
            content=render(IDLE_SHELL, seconds=IDLE_S),
        )
    ]
