"""Interfaces: one network setting on every interface there is; a File covers later ones and boots.

``all`` and ``default`` change little on interfaces that exist: the kernel takes the larger of
``all`` and the interface's own value, or either, or its own alone (Linux's ip-sysctl).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from rempart.resources.base import Change, Observation, Resource, call, quoted


@dataclass(frozen=True, kw_only=True)
class Interfaces(Resource):
    """``net.ipv4.conf.*.send_redirects`` and its value; ``also_right`` are other values to leave.

    With ``owners_keep`` those of VPNs, libvirt and Docker are left as their owner has them.
    """

    kind = "interfaces"
    rank = 51

    setting: str
    value: str
    also_right: tuple[str, ...] = ()
    owners_keep: bool = False

    @property
    def key(self) -> str:
        """Return the setting, with ``*`` in the interface's place."""
        return self.setting

    @property
    def label(self) -> str:
        """Return ``Set SETTING``."""
        return f"Set {self.setting}"

    @classmethod
    def probe(cls, resources: Sequence[Self]) -> str:
        """Read all values of all interfaces in one process, and whose interfaces they are."""
        return f"probe_interfaces {quoted([r.setting for r in resources])}\n"

    def diff(self, seen: Observation) -> Change | None:
        """Compare every interface's own value."""
        owned = seen.facts.get("owned", {}) if self.owners_keep else {}
        right = {self.value, *self.also_right}
        wrong = {
            name: value
            for name, value in values(seen.get(self.kind, self.setting)).items()
            if value not in right and name not in owned and name != "default"
        }
        if not wrong:
            return None
        lines = [f"- {name} {value}" for name, value in sorted(wrong.items())]
        script = _set(self.setting, [f"{name}={self.value}" for name in sorted(wrong)])
        return self.change("update", [*lines, f"+ {self.value}"], script)

    def original(self, seen: Observation) -> tuple[str, ...]:
        """Return ``("default=1", "eth0=1")``; the default is for interfaces that come later."""
        found = values(super().original(seen))
        if self.owners_keep:
            found.pop("default", None)
        return tuple(f"{name}={value}" for name, value in found.items())

    @classmethod
    def touches(cls, key: str) -> tuple[str, ...]:
        """Return the pattern of what the guard must be able to put back."""
        return (f"sysctl:{key.replace('.', '/')}",)

    @classmethod
    def undo(cls, key: str, original: tuple[str, ...], seen: Observation) -> tuple[list[str], str]:
        """Write back what each interface had, and the old default where one came later."""
        found = values(original)
        pairs = [f"{name.replace('default', '*')}={value}" for name, value in found.items()]
        return [f"+ {pair}, as before" for pair in pairs], _set(key, pairs)


def values(fields: Sequence[str]) -> dict[str, str]:
    """Return ``{"default": "1", "eth0": "0"}`` of ``("default=1", "eth0=0")``, the default first.

    Raises:
        ValueError: these are no interfaces and numbers.
    """
    pairs = (field.rpartition("=") for field in fields if field != "absent")
    found = {name: str(int(value)) for name, _, value in pairs}
    if any("/" in name or not name for name in found):
        raise ValueError("no interface")
    return dict(sorted(found.items(), key=lambda item: (item[0] != "default", item[0])))


def _set(setting: str, pairs: Sequence[str]) -> str:
    folder, _, last = setting.partition(".*.")
    return call("set_interfaces", folder.replace(".", "/"), last, *pairs) if pairs else ""
