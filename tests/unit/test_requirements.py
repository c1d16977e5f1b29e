"""Every program of this machine that we call is listed, and its package is named when it lacks."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import requirements
from lab.errors import LabError
from lab.process import run
from lab.requirements import PROGRAMS, VM, program

ROOT = Path(__file__).parents[2]
FOLDERS = ("lab", "vm", "tests", "bench", "scores", "src/rempart")
RUN_ON_HOSTS = {"tests/lab/people/browsers/chromium.py", "tests/lab/people/browsers/firefox.py"}
"""What these call, the host has."""
LISTED = set(" ".join(PROGRAMS.values()).split())
OF_MACHINES = set(" ".join(VM.values()).split())
STARTS = {"run", "Popen", "check_call", "check_output", "execv", "execvp", "posix_spawnp"}
REACHES = {"program", "said"}
"""Functions of ours that take a program's name."""


def test_program_that_is_missing_is_named_with_its_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabError, match=r"has no ssh-keyscan; apt-get install openssh-client$"):
        program("ssh-keyscan")


def test_program_that_is_not_listed_is_refused_though_it_is_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    unlisted = "frobnicate"
    (tmp_path / unlisted).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    for call in (lambda: program(unlisted), lambda: run([unlisted])):
        with pytest.raises(LabError, match=f"{unlisted}: is in no list of programs; add it"):
            call()


def test_sbin_is_searched_for_people_whose_path_has_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for folder, name in (("bin", "ssh"), ("sbin", "nft")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert program("nft") == str(tmp_path / "sbin" / "nft")


def test_folder_of_links_has_the_listed_programs_and_no_others(tmp_path: Path) -> None:
    requirements.link(tmp_path / "programs")
    assert {link.name for link in (tmp_path / "programs").iterdir()} == LISTED
    with pytest.raises(LabError, match="is there already"):
        requirements.link(tmp_path / "programs")


def test_no_program_is_in_two_packages() -> None:
    listed = PROGRAMS | VM
    assert len(listed) == len(PROGRAMS) + len(VM)
    assert len(LISTED | OF_MACHINES) == len(" ".join(listed.values()).split())


@pytest.mark.parametrize(
    "path",
    [
        path
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        if str(path.relative_to(ROOT)) not in RUN_ON_HOSTS
    ],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_programs_that_a_file_calls_are_listed(path: Path) -> None:
    tree = ast.parse(path.read_text())
    named = set(_reached(tree))
    started = set(_started(tree))
    assert named | started <= LISTED | OF_MACHINES, "list them in lab/requirements.py"
    # The own `run` of lab and vm takes names; an installed rempart knows nothing of the list.
    if path.relative_to(ROOT).parts[0] not in ("lab", "vm", "src"):
        assert not started, "reach them by lab.requirements.program"


def _reached(tree: ast.AST) -> Iterator[str]:
    """Return the names that are given to a function that looks them up."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) in REACHES and node.args:
            yield from _text(node.args[0])


def _started(tree: ast.AST) -> Iterator[str]:
    """Return the literal first words of commands that are started, or returned to be started."""
    known: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            known.setdefault(node.targets[0].id, []).append(node.value)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) in STARTS and node.args:
            first = node.args[0]
            for value in known.get(first.id, []) if isinstance(first, ast.Name) else [first]:
                yield from _first_word(value, known)
        if isinstance(node, ast.Return) and node.value is not None:
            yield from LISTED.intersection(_first_word(node.value, {}))


def _first_word(node: ast.expr, known: dict[str, list[ast.expr]]) -> Iterator[str]:
    if isinstance(node, ast.List | ast.Tuple) and node.elts:
        first = node.elts[0]
        yield from _text(first)
        if isinstance(first, ast.Starred) and isinstance(first.value, ast.Name):
            for value in known.get(first.value.id, []):
                yield from _first_word(value, {})


def _text(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def _name(function: ast.expr) -> str:
    return getattr(function, "id", getattr(function, "attr", ""))
