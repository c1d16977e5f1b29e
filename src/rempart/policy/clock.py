"""Where the hosts get the time from."""

from __future__ import annotations

from rempart.policy.base import Model, described
from rempart.policy.value import Address


class Time(Model):
    """Time servers of the practice's own."""

    servers: tuple[Address, ...] = described(
        "IP addresses of NTP servers that are preferred to Debian's public ones.",
        ["192.168.1.1"],
        default=(),
    )
