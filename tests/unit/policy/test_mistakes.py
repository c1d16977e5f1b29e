"""Each mistake of a person is told in one line, with its place and what to do about it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from .conftest import DENTIST, TECHNICIAN

Change = Callable[..., list[str]]
CASES: dict[str, list[dict[str, Any]]] = YAML(typ="safe").load(
    Path(__file__).with_name("mistakes.yaml")
)


def _id(case: dict[str, Any]) -> str:
    return str(case["told"][0]).partition("; ")[0]


@pytest.mark.parametrize("case", CASES["practice"], ids=_id)
def test_a_mistake_is_told_in_one_exact_line(mistakes_of: Change, case: dict[str, Any]) -> None:
    told = mistakes_of(case["replace"], case["by"])
    assert told == [f"durand.yaml:{line}" for line in case["told"]]


@pytest.mark.parametrize("case", CASES["provider"], ids=_id)
def test_a_mistake_of_the_provider_names_its_file(
    mistakes_of: Change, case: dict[str, Any]
) -> None:
    told = mistakes_of(case["replace"], case["by"], "provider.yaml")
    assert told == [f"provider.yaml:{line}" for line in case["told"]]


def test_a_key_of_a_technician_cannot_be_anybody_elses(mistakes_of: Change) -> None:
    told = mistakes_of(f"{DENTIST} m.durand", f"{TECHNICIAN} another comment")
    hint = "give each person a key of their own"
    assert told == [f"durand.yaml:11: people[0].keys[0]: is also a key of t.leroy; {hint}"]


def test_all_mistakes_of_both_files_are_told_at_once(mistakes_of: Change, practice: Path) -> None:
    provider = practice.parent / "provider.yaml"
    provider.write_text(provider.read_text().replace("login: t.leroy", "login: T.Leroy"))
    practice.write_text(practice.read_text().replace("SE-1", "SE-9"))
    told = mistakes_of("role: practitioner\n    hosts: [ws-1]", "role: x\n    hosts: [ws-2]")
    assert [line.partition(": ")[0] for line in told] == [
        "durand.yaml:8",
        "durand.yaml:9",
        "durand.yaml:40",
        "provider.yaml:7",
    ]


def test_terminal_escapes_in_unknown_keys_are_not_printed(mistakes_of: Change) -> None:
    told = mistakes_of("provider: provider.yaml", 'provider: provider.yaml\n"\\e[31mred":\n')
    assert told
    assert all(line.isprintable() for line in told)
