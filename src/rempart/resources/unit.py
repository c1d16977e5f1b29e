"""Unit: a systemd unit, whether it is enabled, runs, and runs what is on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from rempart.resources.base import Change, Observation, Resource, call, quoted

ENABLED_STATES = {"enabled", "enabled-runtime", "static", "alias", "generated", "indirect"}
"""UnitFileState values that start the unit or have nothing to enable, systemctl(1)."""

DISABLED_BY_A_VERB = {"enabled", "enabled-runtime", "alias"}
"""Those of them that `systemctl disable` changes; the others have nothing to disable either."""

NOT_THERE = {"absent", "not-found"}
"""LoadState values of a unit that the host has not got."""

NOT_YET = ("not yet",)
"""The original of a unit that is to be off and is not there."""


@dataclass(frozen=True, kw_only=True)
class Unit(Resource):
    """A unit by its full name. None leaves that side alone.

    ``healthy`` is sh that succeeds while the running state is what was loaded (a firewall's rules,
    for one); when it fails, the unit is reloaded. ``after_stop`` is sh that takes away what a unit
    leaves in the kernel when it is stopped, or what stands there without its being started.
    """

    kind = "unit"
    rank = 70

    unit: str
    enabled: bool | None = None
    running: bool | None = None
    healthy: str = ""
    after_stop: str = ""

    @property
    def key(self) -> str:
        """Return the unit's name."""
        return self.unit

    @property
    def only_reloads(self) -> bool:
        """Tell whether nothing is wanted of the unit but that it runs what is on disk."""
        return self.enabled is None and self.running is None

    @property
    def label(self) -> str:
        """Return ``Enable and start UNIT`` or the like."""
        verbs = {True: ("enable", "start"), False: ("disable", "stop")}
        parts = []
        if self.enabled is not None:
            parts.append(verbs[self.enabled][0])
        if self.running is not None:
            parts.append(verbs[self.running][1])
        return f"{' and '.join(parts).capitalize()} {self.unit}"

    @classmethod
    def probe(cls, resources: Sequence[Self]) -> str:
        """Ask systemctl once, list pending reloads, and run the health checks."""
        units = [r.unit for r in resources]
        checks = "".join(
            f"if ( {r.healthy} ) >/dev/null 2>&1; then r=yes; else r=no; fi; "
            f"printf 'healthy\\t%s\\t%s\\n' {quoted([r.unit])} $r\n"
            for r in resources
            if r.healthy
        )
        # No table: systemd knows also what it has not got, so silence means that it does not run.
        return f"probe_units {quoted(units)}\n" + checks

    def diff(self, seen: Observation) -> Change | None:
        """Compare the enabled and the running state."""
        load, active, file_state = (*seen.get("unit", self.unit), "", "")[:3]
        lines, script = [], ""
        if file_state.startswith("masked") and (self.enabled or self.running):
            script += call("systemctl", "-q", "unmask", self.unit)
        states = ENABLED_STATES if self.enabled else DISABLED_BY_A_VERB
        if self.enabled is not None and (file_state in states) != self.enabled:
            verb = "enable" if self.enabled else "disable"
            if not (load in NOT_THERE and not self.enabled):
                lines += [f"- {file_state or 'absent'}", f"+ {verb}d"]
                script += call("systemctl", "-q", verb, self.unit)
        if self.running is not None and self._runs(seen) != self.running:
            verb = "start" if self.running else "stop"
            lines += [f"- {active or 'absent'}", f"+ {'active' if self.running else 'inactive'}"]
            script += call("systemctl", verb, self.unit) + call("clear_pending", self.unit)
        if not lines:
            return None
        script += self.after_stop
        return self.change("update", lines, script)

    def _runs(self, seen: Observation) -> bool:
        return (*seen.get("unit", self.unit), "")[1] in {"active", "activating"}

    def reload(self, seen: Observation, because: Sequence[str]) -> Change | None:
        """Return the reload that makes the daemon run what is on disk, or None.

        ``because`` names the changes of this run that ask for it; a marker under /run asks for it
        too, left by a run that was interrupted, and so does a failed health check.
        """
        reasons = [*because]
        if seen.has("pending", self.unit):
            reasons.append("an earlier run was interrupted before the reload")
        if seen.get("healthy", self.unit)[0] == "no" and not because:
            reasons.append("what runs is not what was loaded")
        starts_anyway = self.running and not self._runs(seen)
        if not reasons or starts_anyway:
            return None
        return Change(
            id=f"reload:{self.unit}",
            concern=self.concern,
            controls=self.controls,
            action="run",
            label=f"Reload {self.unit}",
            diff=tuple(f"~ {reason}" for reason in reasons),
            risky=self.risky,
            script=call("reload_unit", self.unit),
            touches=self.touches(self.unit),
        )

    @classmethod
    def touches(cls, key: str) -> tuple[str, ...]:
        """Return what the guard must be able to put back."""
        return (f"unit:{key}",)

    def original(self, seen: Observation) -> tuple[str, ...]:
        """Keep the state before; of a unit that is only ever reloaded, that it is there.

        A unit that leaves something in the kernel counts as running where it is enabled.
        """
        found = super().original(seen)
        if self.enabled is False and found[0] in NOT_THERE:
            return NOT_YET
        if self.after_stop and found[2:] == ("enabled",):
            return (found[0], "active", "enabled")
        return found[:1] if self.only_reloads else found

    def kept(self, original: tuple[str, ...], seen: Observation) -> tuple[str, ...]:
        """Keep the state in which a unit that came after us is found when it is switched off."""
        return self.original(seen) if original == NOT_YET and self.diff(seen) else original

    @classmethod
    def undo(cls, key: str, original: tuple[str, ...], seen: Observation) -> tuple[list[str], str]:
        """Put the unit back into the state it had."""
        load, active, file_state = (*original, "", "")[:3]
        if load in NOT_THERE:
            return ["- disabled and stopped"], call("retire_unit", key)
        if len(original) < 3:
            return ["- no longer looked after"], ""
        if file_state.startswith("masked"):
            script = call("retire_unit", key) + call("systemctl", "-q", "mask", key)
            return [f"+ {file_state}, as before"], script
        enabled = file_state == "enabled"
        script = call("systemctl", "-q", "enable", key) if enabled else call("disable_unit", key)
        script += call("systemctl", "-q", "start" if active == "active" else "stop", key)
        return [f"+ {file_state}, {active}, as before"], script
