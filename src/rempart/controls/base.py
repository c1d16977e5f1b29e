"""What stands in the catalogue about one control."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Baseline = Literal["minimal", "intermediary", "enhanced"]
"""Levels of ANSSI-BP-028 v2, the weakest first; its fourth, high, is for more than a practice."""


@dataclass(frozen=True, kw_only=True)
class Control:
    """One thing that a practice is told to do, and what rempart does about it.

    ``anssi`` names recommendations of ANSSI-BP-028 v2, ``hygiene`` measures of ANSSI's Guide
    d'hygiène informatique (2017), ``questions`` those of its guide for small businesses, La
    cybersécurité pour les TPE/PME en treize questions (2021). ``enforced_by`` names concerns of
    ``rempart.hardening`` and commands; a control without any is not built yet.
    """

    id: str
    title: str
    titre: str
    why: str
    baseline: Baseline = "minimal"
    anssi: tuple[str, ...] = ()
    hygiene: tuple[int, ...] = ()
    questions: tuple[int, ...] = ()
    enforced_by: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """Return where the control comes from, in words."""
        hygiene = (f"hygiène {number}" for number in self.hygiene)
        questions = (f"TPE/PME question {number}" for number in self.questions)
        return (*self.anssi, *hygiene, *questions)

    @property
    def is_built(self) -> bool:
        """Tell whether rempart does anything about it yet."""
        return bool(self.enforced_by)
