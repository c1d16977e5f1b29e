"""Directory: a folder with its mode and owner; ``exclusive`` ones hold nothing unknown."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from rempart.resources.base import Change, Observation, Resource, call, quoted, table


@dataclass(frozen=True, kw_only=True)
class Directory(Resource):
    """A folder. With ``only`` set, any entry that it does not name is removed."""

    kind = "directory"
    rank = 30

    path: str
    mode: str = "0755"
    user: str = "root"
    group: str = "root"
    only: tuple[str, ...] | None = None

    @property
    def key(self) -> str:
        """Return the path."""
        return self.path

    @property
    def label(self) -> str:
        """Return ``Set up PATH/``."""
        return f"Set up {self.path}/"

    @classmethod
    def probe(cls, resources: Sequence[Self]) -> str:
        """Ask with one stat, and one listing for the exclusive ones."""
        exclusive = [r.path for r in resources if r.only is not None]
        listing = (
            f"find {quoted(exclusive)} -mindepth 1 -maxdepth 1 "
            "-printf 'entry\\t%p\\t%y\\n' 2>/dev/null\n"
            if exclusive
            else ""
        )
        paths = [r.path for r in resources]
        return (
            table("directory", paths)
            + f"stat -c 'directory\t%n\t%f\t%U\t%G' -- {quoted(paths)} 2>/dev/null\n"
            + listing
        )

    def diff(self, seen: Observation) -> Change | None:
        """Compare type, mode, owner and, where exclusive, the entries."""
        found = seen.get("directory", self.path)
        owner = f"{self.user}:{self.group}"
        foreign = self._foreign(seen)
        lines: list[str] = []
        gone = foreign
        if found == ("absent",):
            lines = [f"+ mode {self.mode}, owner {owner}"]
        elif not stat.S_ISDIR(int(found[0], 16)):
            lines, gone = ["- not a directory", "+ a directory"], [self.path]
        else:
            was = (f"{stat.S_IMODE(int(found[0], 16)):04o}", f"{found[1]}:{found[2]}")
            if was != (self.mode, owner):
                lines = [f"- mode {was[0]}, owner {was[1]}", f"+ mode {self.mode}, owner {owner}"]
        lines += [f"- {path} (not named by the policy)" for path in foreign]
        if not lines:
            return None
        script = "".join(call("remove_file", path) for path in gone)
        script += call("make_directory", self.path, self.mode, self.user, self.group)
        also = [f"path:{path}" for path in gone]
        return self.change("create" if found == ("absent",) else "update", lines, script, also)

    def _foreign(self, seen: Observation) -> list[str]:
        """Return the paths of entries that the policy does not name, sorted."""
        if self.only is None:
            return []
        inside = (p for p in seen.facts.get("entry", {}) if p.rpartition("/")[0] == self.path)
        return sorted(p for p in inside if p.rpartition("/")[2] not in self.only)

    @classmethod
    def touches(cls, key: str) -> tuple[str, ...]:
        """Return what the guard must be able to put back."""
        return (f"directory:{key}",)

    @classmethod
    def undo(cls, key: str, original: tuple[str, ...], seen: Observation) -> tuple[list[str], str]:
        """Remove a folder that rempart made, if it is empty; an older one is as it was."""
        if original != ("absent",) and not stat.S_ISDIR(int(original[0], 16)):
            return ["- no longer looked after"], ""
        if original != ("absent",):
            mode, user, group = f"{stat.S_IMODE(int(original[0], 16)):04o}", *original[1:3]
            lines = [f"+ mode {mode}, owner {user}:{group}, as before"]
            return lines, call("make_directory", key, mode, user, group)
        return ["- removed if empty"], call("remove_empty_directory", key)
