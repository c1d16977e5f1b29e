"""Reading configuration that a host shows: sysctl.d(5), modprobe.d(5), units, browsers' policies.

No pattern can match one character in two ways: a host may say what takes for ever then.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

LONGEST_NAME = 1_000
"""Characters of a policy's dotted name."""

_SETTING = re.compile(r"^[ \t]*-?([a-z][\w./-]*)[ \t]*=(.*)$", re.MULTILINE)
_REFUSED = re.compile(
    r"^[ \t]*install[ \t]+(\S+)[ \t]+/(?:usr/)?bin/(?:false|true)[ \t]*$", re.MULTILINE
)
_LOADS = re.compile(r"argv\[\]=[\w./-]{,100}/nft -f (/[\w./-]+) ;")


def sysctl_settings(text: str) -> dict[str, str]:
    """Return what sysctl.d(5) files set, the last value of each, its numbers joined by ``-``.

    >>> sysctl_settings("net/ipv4/tcp_syncookies = 1\\n-kernel.printk=3 4 1 3\\n")
    {'net.ipv4.tcp_syncookies': '1', 'kernel.printk': '3-4-1-3'}
    """
    pairs = _SETTING.findall(text)
    return {name.replace("/", "."): "-".join(value.split()) for name, value in pairs}


def refused_modules(text: str) -> set[str]:
    """Return the modules that modprobe.d(5) files let nobody load."""
    return set(_REFUSED.findall(text))


def loaded_rules(text: str) -> list[str]:
    """Return the files that units load with nft, by ``systemctl show -p ExecStart``."""
    return _LOADS.findall(text)


def flat(policies: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted name, value) of every policy; lists are values. ValueError: endless names."""
    if len(above) > LONGEST_NAME:
        raise ValueError("names without end")
    for key, value in policies.items():
        if isinstance(value, dict):
            yield from flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value
