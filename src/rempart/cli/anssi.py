"""``rempart controls --anssi``: the table of ANSSI-BP-028, for terminals, programs and the docs."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any, get_args

from rich.table import Table
from rich.text import Text

from rempart.controls.anssi import Level, Recommendation, State


def as_table(wanted: Sequence[Recommendation], language: str) -> Table:
    """Return one line per recommendation, what is left dimmed."""
    made = Table("", "level", "recommendation", "rempart", box=None, pad_edge=False)
    for each in wanted:
        title = each.titre if language == "fr" else each.title
        style = "dim" if each.state == "left" else ""
        made.add_row(each.id, each.level, Text(title), Text(each.answer), style=style)
    return made


def as_data(wanted: Sequence[Recommendation]) -> list[dict[str, Any]]:
    """Return their fields, for JSON."""
    return [dataclasses.asdict(each) | {"controls": each.controls} for each in wanted]


def as_markdown(wanted: Sequence[Recommendation]) -> str:
    """Return `docs/anssi-bp028.md`."""
    rows = (
        (each.id, each.level, f"{each.title}<br>*{each.titre}*", each.answer) for each in wanted
    )
    parts = [
        "# ANSSI-BP-028 v2, recommendation by recommendation",
        "Written by `rempart controls --anssi --markdown`; the data is"
        " `src/rempart/controls/anssi.toml`.\nTitles are ours; the guide is ANSSI's *Configuration"
        " recommendations of a GNU/Linux system*.",
        "- *enforced*: made so by concerns of `src/rempart/hardening`, for these"
        " [controls](controls.md)\n- *verified*: red if it is not so; nothing is changed\n"
        "- *partly*: what is and what is not\n- *left*: why rempart does nothing about it",
        "A policy's `baseline` brings what is of its level and below; it cannot be `high`. In a"
        " container the kernel\nis the machine's: what sets or confines it waits for boots.",
        _markdown_table(("level", *get_args(State)), _counts(wanted)),
        _markdown_table(("", "level", "recommendation", "rempart"), rows),
    ]
    return "\n\n".join(parts)


def _counts(wanted: Sequence[Recommendation]) -> list[tuple[str, ...]]:
    """Return how many of each level are in each state."""
    found = Counter((each.level, each.state) for each in wanted)
    return [
        (level, *(str(found[level, state]) for state in get_args(State)))
        for level in get_args(Level)
    ]


def _markdown_table(head: Sequence[str], rows: Any) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
