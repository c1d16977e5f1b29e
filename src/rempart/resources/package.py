"""Package: a Debian package that must be installed, or must not be.

Packages come first in a run, in one apt transaction: maintainer scripts create files, units and
users, so the host is observed again before the configuration is decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from rempart.resources.base import Change, Observation, Resource, call, quoted, table

NOT_THERE = {"absent", "not-installed"}
"""States of a package that was never installed; dpkg lists those that others merely name, too."""


@dataclass(frozen=True, kw_only=True)
class Package(Resource):
    """A package by its Debian name, without recommended packages."""

    kind = "package"
    rank = 0

    package: str
    present: bool = True

    @property
    def key(self) -> str:
        """Return the package's name."""
        return self.package

    @property
    def label(self) -> str:
        """Return ``Install NAME`` or ``Remove NAME``."""
        return f"{'Install' if self.present else 'Remove'} {self.package}"

    @classmethod
    def probe(cls, resources: Sequence[Self]) -> str:
        """Ask dpkg once; where something is to do, ask apt what else would come or go."""
        wanted = [r.package for r in resources if r.present]
        unwanted = [r.package for r in resources if not r.present]
        names = [*wanted, *unwanted]
        return (
            # A damaged database must not look like one without the unwanted packages.
            "dpkg-query -W dpkg >/dev/null 2>&1 && "
            + table("package", names)
            + "dpkg-query -W -f 'package\\t${Package}\\t${db:Status-Status}\\t${Version}\\n' "
            + f"{quoted(names)} 2>/dev/null\n"
            + f"probe_apt install {quoted(wanted)}\n"
            + f"probe_apt remove {quoted(unwanted)}\n"
        )

    def diff(self, seen: Observation) -> Change | None:
        """Compare the installed state; versions are apt's and the security updates' business."""
        found = seen.get("package", self.package)
        installed = found[0] == "installed"
        if installed == self.present:
            return None
        if self.present:
            version = seen.get("inst", self.package)[0]
            lines = [f"+ {self.package} {_known(version)}", *_brought_along(seen)]
            return self.change("create", lines, "")
        also = sorted(name for name in seen.facts.get("remv", {}) if name != self.package)
        lines = [f"- {self.package} {found[1]}", *(f"- {name} (depends on it)" for name in also)]
        return self.change("remove", lines, "")

    def original(self, seen: Observation) -> tuple[str, ...]:
        """Keep the state before; a package that must be absent is never ours to remove later."""
        return super().original(seen) if self.present else ("unwanted",)

    @classmethod
    def undo(cls, key: str, original: tuple[str, ...], seen: Observation) -> tuple[list[str], str]:
        """Remove what rempart installed, unless something else needs it by now."""
        return _given_up(key, original, "remove_unneeded")

    @classmethod
    def release(
        cls, key: str, original: tuple[str, ...], seen: Observation
    ) -> tuple[list[str], str]:
        """Purge what rempart installed: its configuration was not there before either."""
        return _given_up(key, original, "purge_unneeded")


def _given_up(key: str, original: tuple[str, ...], how: str) -> tuple[list[str], str]:
    if original[0] not in NOT_THERE:
        return ["- no longer looked after"], ""
    return [f"- {key}, unless another package needs it"], call(how, key)


def _known(version: str) -> str:
    return "(version decided only while applying)" if version == "absent" else version


def _brought_along(seen: Observation) -> list[str]:
    """Return lines for what apt installs or upgrades although the policy does not name it."""
    named = seen.facts.get("package", {})
    brought = (item for item in sorted(seen.facts.get("inst", {}).items()) if item[0] not in named)
    return [f"+ {name} {fields[0]} (comes along)" for name, fields in brought if fields]


def apt_script(install: Sequence[str], remove: Sequence[str], seen: Observation) -> str:
    """Return sh that removes and installs packages in one go each.

    A removal is refused on the host when it would take more along than ``seen`` says.
    """
    going = "".join(f"{name} " for name in sorted(seen.facts.get("remv", {})))
    script = call("apt_remove", going, *remove) if remove else ""
    return script + (call("apt_install", *install) if install else "")
