"""Sysctl: the running value of one kernel setting; a File in /etc/sysctl.d outlasts a boot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from rempart.resources.base import Change, Observation, Resource, call, quoted


@dataclass(frozen=True, kw_only=True)
class Sysctl(Resource):
    """One setting in sysctl's dotted spelling and its value as text.

    ``with_strangers`` is the value where the host has neighbours in none of its networks.
    """

    kind = "sysctl"
    rank = 50

    setting: str
    value: str
    with_strangers: str | None = None

    @property
    def key(self) -> str:
        """Return the setting."""
        return self.setting

    @property
    def label(self) -> str:
        """Return ``Set SETTING``."""
        return f"Set {self.setting}"

    @classmethod
    def probe(cls, resources: Sequence[Self]) -> str:
        """Read all values in one process; no table: silence is not that the kernel lacks them."""
        return f"probe_sysctls {quoted([r.setting for r in resources])}\n"

    def diff(self, seen: Observation) -> Change | None:
        """Compare the running value. A setting that this kernel lacks needs nothing."""
        # Several numbers come separated by tabs, which separate our own fields too.
        found = " ".join(seen.get("sysctl", self.setting))
        value = self.value
        if self.with_strangers is not None and seen.strangers:
            value = self.with_strangers
        if found in {value, "absent"}:
            return None
        script = call("sysctl", "-q", "-w", f"{self.setting}={value}")
        return self.change("update", [f"- {found}", f"+ {value}"], script)

    @classmethod
    def touches(cls, key: str) -> tuple[str, ...]:
        """Return what the guard must be able to put back."""
        return (f"sysctl:{key}",)

    @classmethod
    def undo(cls, key: str, original: tuple[str, ...], seen: Observation) -> tuple[list[str], str]:
        """Write the value back that the host had."""
        if original == ("absent",):
            return ["- no longer looked after"], ""
        value = " ".join(original)
        return [f"+ {value}, as before"], call("sysctl", "-q", "-w", f"{key}={value}")
