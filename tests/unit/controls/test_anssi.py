"""The table of ANSSI-BP-028 is whole, and claims nothing that the catalogue does not hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
from typer.testing import CliRunner

from rempart.cli.anssi import as_markdown
from rempart.cli.controls import controls
from rempart.controls import CONTROLS, Control
from rempart.controls.anssi import Level, Recommendation, State, recommendations
from rempart.errors import RempartError
from rempart.hardening import CONCERNS

PAGE = Path(__file__).parents[3] / "docs/anssi-bp028.md"

# The guide's own levels; all others are intermediary.
MINIMAL = {30, 31, 53, 54, 56, 58, 59, 61, 62, 68, 80}
ENHANCED = {1, 7, 10, 29, 36, 37, 38, 41, 45, 51, 57, 60, 64, 65, 71, 72, 73, 78}
HIGH = {4, 6, *range(15, 28), *range(46, 50), 66, 76, 77}

KINDS = {
    *("hardware", "firmware", "boot loader", "the kernel's build", "the distribution"),
    *("a practice could not work with it", "the provider's organisation"),
    *("not applicable", "not yet"),
}
"""Of reasons for what is left."""

ALL = pytest.mark.parametrize("each", recommendations().values(), ids=lambda each: each.id)


def test_every_recommendation_stands_there_once_in_order() -> None:
    """A second table of the same name would not be TOML."""
    assert list(recommendations()) == [f"R{number}" for number in range(1, 81)]


@ALL
def test_level_is_the_guides(each: Recommendation) -> None:
    levels = {"minimal": MINIMAL, "enhanced": ENHANCED, "high": HIGH}
    found = [level for level, numbers in levels.items() if int(each.id[1:]) in numbers]
    assert [each.level] == (found or ["intermediary"])
    assert each.level in get_args(Level)


@ALL
def test_entry_is_whole(each: Recommendation) -> None:
    assert each.state in get_args(State)
    assert each.title != each.titre
    assert each.note or each.state not in {"partly", "left"}
    assert "|" not in each.title + each.titre + each.note
    assert not each.note.endswith(".")


@ALL
def test_what_is_claimed_is_what_controls_enforce(each: Recommendation) -> None:
    """Each concern is one that some control with this source is enforced by, and is built."""
    assert set(each.by) <= set(CONCERNS)
    assert set(each.by) <= {word for id in each.controls for word in CONTROLS[id].enforced_by}
    assert list(each.by) == sorted(each.by)


@ALL
def test_state_fits_what_stands_behind_it(each: Recommendation) -> None:
    """All that is not left has a control that is built."""
    is_done = each.state != "left"
    assert bool(each.controls) == is_done
    assert bool(each.by) == (each.state in {"enforced", "partly"})
    assert is_done or each.note.partition(":")[0] in KINDS


@pytest.mark.parametrize("control", CONTROLS.values(), ids=lambda each: each.id)
def test_controls_name_nothing_that_is_left(control: Control) -> None:
    assert "left" not in {recommendations()[id].state for id in control.anssi}
    assert len(set(control.anssi)) == len(control.anssi)


def test_page_is_the_data() -> None:
    assert PAGE.read_text(encoding="utf-8") == as_markdown([*recommendations().values()]) + "\n"


def _run(*arguments: str) -> Any:
    app = typer.Typer()
    app.command()(controls)
    return CliRunner().invoke(app, ["--anssi", *arguments])


def test_command_prints_what_is_asked_for() -> None:
    french = _run("--language", "fr", "r31")
    assert french.exit_code == 0
    assert "robustes" in french.output
    assert "R32" not in french.output
    (data,) = json.loads(_run("--json", "R32").output)
    assert (data["state"], data["by"]) == ("enforced", ["desktop", "session"])
    assert data["controls"] == ["SE-1"]


def test_unknown_recommendation_is_refused() -> None:
    with pytest.raises(RempartError, match=r"no such recommendation \(got 'R81'\)"):
        raise _run("R81").exception
