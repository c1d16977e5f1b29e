"""Pam: a profile of pam-auth-update(8), so that no package upgrade undoes what it puts in place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from rempart.resources.base import (
    Action,
    Change,
    Observation,
    Resource,
    call,
    encoded,
    quoted,
    table,
)
from rempart.resources.setting import text_seen
from rempart.resources.textdiff import text_diff

PROFILES = "/usr/share/pam-configs"
STACKS = {
    "Auth": "auth",
    "Account": "account",
    "Password": "password",
    "Session": "session",
}
"""Section of a profile -> what of ``/etc/pam.d/common-*`` it goes into."""

FIRST_HAS_NONE = ("use_authtok", "try_first_pass")
"""Options of all modules of a stack but the first."""

COMMON = tuple(
    f"/etc/pam.d/common-{stack}" for stack in (*STACKS.values(), "session-noninteractive")
)
MEMORY = tuple(
    f"/var/lib/pam/{name}" for name in (*STACKS.values(), "session-noninteractive", "seen")
)
"""What pam-auth-update remembers of its own last output."""


@dataclass(frozen=True, kw_only=True)
class Pam(Resource):
    """A profile by its file's name, enabled. ``content`` is the profile's text."""

    kind = "pam"
    rank = 45

    name: str
    content: str

    @property
    def key(self) -> str:
        """Return the profile's name."""
        return self.name

    @property
    def label(self) -> str:
        """Return ``Enable PAM profile NAME``."""
        return f"Enable PAM profile {self.name}"

    @property
    def path(self) -> str:
        """Return where the profile stands."""
        return f"{PROFILES}/{self.name}"

    @property
    def lines(self) -> list[tuple[str, str]]:
        """Return (file, "module arguments") of every line that must stand in a stack.

        >>> Pam(concern="c", name="n", content="Auth:\\n\\trequired\\tpam_x.so a").lines
        [('/etc/pam.d/common-auth', 'pam_x.so a')]
        """
        found, stack = [], ""
        for line in self.content.splitlines():
            if line[:1] not in ("\t", " "):
                stack = STACKS.get(line.rstrip().removesuffix(":"), "")
            elif stack:
                found.append((f"/etc/pam.d/common-{stack}", _module(line)))
        return found

    @classmethod
    def probe(cls, resources: Sequence[Self]) -> str:
        """Ask for the profiles and the stacks, a few kilobytes."""
        paths = [r.path for r in resources] + list(COMMON)
        return (
            table("pam", [r.name for r in resources], "asked")
            + table("text", paths)
            + f"probe_texts {quoted(paths)}\n"
        )

    def diff(self, seen: Observation) -> Change | None:
        """Compare the profile's text, and look for its lines in the stacks."""
        old = text_seen(self.path, seen) or ""
        lines = text_diff(self.path, old, self.content) if old != self.content else []
        stacks = {file: _modules(text_seen(file, seen) or "") for file, _ in self.lines}
        lines += [f"+ {file}: {each}" for file, each in self.lines if each not in stacks[file]]
        if not lines:
            return None
        wanted = [word for pair in self.lines for word in pair]
        script = call("enable_pam", self.name, *wanted, stdin=encoded(self.content))
        action: Action = "update" if old else "create"
        return self.change(action, lines, script, precheck=call("refuse_empty_passwords"))

    def original(self, seen: Observation) -> tuple[str, ...]:
        """Keep which profiles it replaces; one under our own name was not there before us."""
        lines = (line.partition(":") for line in self.content.splitlines())
        found = [rest for key, _, rest in lines if key == "Conflicts"]
        return tuple(name.strip() for rest in found for name in rest.split(",")) or ("absent",)

    @classmethod
    def touches(cls, key: str) -> tuple[str, ...]:
        """Return what the guard must be able to put back."""
        return tuple(f"path:{path}" for path in (f"{PROFILES}/{key}", *COMMON, *MEMORY))

    @classmethod
    def undo(cls, key: str, original: tuple[str, ...], seen: Observation) -> tuple[list[str], str]:
        """Take the profile away and enable what it replaced: it would not come back by itself."""
        instead = [name for name in original if name != "absent"]
        lines = [f"- PAM profile {key}", *(f"+ PAM profile {name}" for name in instead)]
        return lines, call("disable_pam", key, *instead)


def _modules(stack: str) -> set[str]:
    return set(map(_module, stack.splitlines()))


def _module(line: str) -> str:
    """Return a PAM line from its module on, without what depends on its place in the stack.

    pam-auth-update rewrites jumps, and takes the ``-Initial`` section for whoever comes first.
    """
    line = line.partition("#")[0]
    words = line[line.find("pam_") :].split() if "pam_" in line else []
    return " ".join(word for word in words if word not in FIRST_HAS_NONE)
