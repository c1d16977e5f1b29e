"""ANSSI-BP-028 v2, recommendation by recommendation: what rempart does about each (PR-4)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from rempart.controls import CONTROLS

Level = Literal["minimal", "intermediary", "enhanced", "high"]
State = Literal["enforced", "verified", "partly", "left"]


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """One recommendation of the guide; `anssi.toml` says what each field means.

    ``by`` names concerns of ``rempart.hardening``.
    """

    id: str
    level: Level
    title: str
    titre: str
    state: State
    by: tuple[str, ...] = ()
    note: str = ""

    @property
    def controls(self) -> tuple[str, ...]:
        """Return the ids of the controls that are built and name it as a source."""
        return tuple(c.id for c in CONTROLS.values() if c.is_built and self.id in c.anssi)

    @property
    def answer(self) -> str:
        """Return what rempart does about it: ``partly by sudo (AC-2): use_pty …``."""
        done = " by " + ", ".join(self.by) if self.by else ""
        proven = f" ({', '.join(self.controls)})" if self.controls else ""
        colon = ", " if self.state == "left" else ": "  # there the note begins with its kind
        return f"{self.state}{done}{proven}" + (f"{colon}{self.note}" if self.note else "")


@cache
def recommendations() -> dict[str, Recommendation]:
    """Return all 80 by their id, R1 first."""
    text = files(__package__).joinpath("anssi.toml").read_text(encoding="utf-8")
    return {
        id: Recommendation(id=id, **fields | {"by": tuple(fields.get("by", ()))})
        for id, fields in tomllib.loads(text).items()
    }
