"""What a contestant is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.field import Target
from bench.measure import Done

Command = Callable[[Sequence[Target]], list[str]]
Judge = Callable[[Done, Sequence[Target]], str]
"""Returns why a run does not count, or ''."""


@dataclass(frozen=True)
class Contestant:
    """Something that finds out what would change on hosts (``plan``), and may change them.

    ``nothing_to_do`` judges a plan of hosts that are as wanted, ``applied`` an apply. ``tidy`` is
    called after each run, unmeasured.
    """

    name: str
    folder: Path
    plan: Command
    nothing_to_do: Judge
    apply: Command | None = None
    applied: Judge | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    tidy: Callable[[], None] = lambda: None


def folder_of(parent: Path, name: str) -> Path:
    """Return the folder for a contestant's files, made where it is missing."""
    folder = parent / name
    folder.mkdir(exist_ok=True)
    return folder
