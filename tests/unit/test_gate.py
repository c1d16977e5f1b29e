"""The gate's own parts: areas, and the note of trees that passed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from canaries import LAB, canary, promises
from progress import area

from lab.requirements import program

ROOT = Path(__file__).parents[2]


def test_every_test_on_hosts_belongs_to_an_area() -> None:
    """`make test-full AREA=…` finds it by its folder; its helpers may lie beside the areas."""
    homes = {file.parent.parent for file in (ROOT / LAB).rglob("test_*.py")}
    assert homes == {ROOT / LAB}


def test_area_is_the_folder() -> None:
    assert area("tests/lab/guard/test_power.py::test_x[a/b]") == "guard"
    assert area("tests/unit/policy/test_key.py::test_x") == "unit"


def test_canary_is_found_by_its_name_or_its_file() -> None:
    whole = [each for each in promises() if "::" not in each]
    assert whole
    for each in promises():
        assert canary(f"{LAB}{each}") == each
    assert canary(f"{LAB}{whole[0]}::test_any[x]") == whole[0]
    assert canary("tests/lab/guard/test_power.py::test_any") == ""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "tests").mkdir()
    shutil.copy(ROOT / "tests/green.sh", tmp_path / "tests")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def git(checkout: Path, *words: str) -> str:
    person = ["-c", "user.name=x", "-c", "user.email=x@example"]
    command = [program("git"), "-C", str(checkout), *person, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def green(checkout: Path, *words: str) -> str:
    command = [str(checkout / "tests/green.sh"), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_green_tree_is_noted_with_its_commit_and_time(checkout: Path, tmp_path: Path) -> None:
    tree = green(checkout, "tree")
    assert tree == git(checkout, "rev-parse", "HEAD^{tree}")
    green(checkout, "note", tree)
    green(checkout, "note", tree, str(tmp_path / "other"))
    own = (checkout / ".git/green").read_text().split()
    assert own[:2] == [tree, git(checkout, "rev-parse", "HEAD")]
    assert own[:2] == (tmp_path / "other").read_text().split()[:2]


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_what_is_not_committed_is_not_noted(checkout: Path, when: str) -> None:
    tree = "" if when == "before" else green(checkout, "tree")
    (checkout / "new").touch()
    assert green(checkout, "tree") == ""
    assert "not noted" in green(checkout, "note", tree)
    assert not (checkout / ".git/green").exists()


def test_another_commit_is_not_noted(checkout: Path) -> None:
    tree = green(checkout, "tree")
    (checkout / "new").touch()
    git(checkout, "add", ".")
    git(checkout, "commit", "-q", "-m", "second")
    assert "not noted" in green(checkout, "note", tree)
