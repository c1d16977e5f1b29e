"""The wheel works by itself: another directory, no checkout beside it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder into which a freshly built wheel was installed, and nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("rempart-*.whl")
    target = folder / "site"
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--target", target, wheel]
    subprocess.run(install, check=True, capture_output=True)
    return target


def run(installed: Path, code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=installed.parent,
        env=os.environ | {"PYTHONPATH": str(installed)},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def test_templates_and_deploys_are_inside(installed: Path) -> None:
    code = "from rempart.shipped import shipped; print(shipped('templates'), shipped('deploys'))"
    assert run(installed, code).split() == [
        str(installed / "rempart/templates"),
        str(installed / "rempart/deploys"),
    ]
    for folder, ending in (("templates", "*.j2"), ("deploys", "*.py")):
        shipped = {path.name for path in (installed / "rempart" / folder).rglob(ending)}
        assert {path.name for path in (ROOT / folder).rglob(ending)} == shipped != set()


def test_scripts_for_hosts_are_inside(installed: Path) -> None:
    code = "from rempart.engine.remote import shell; print(len(shell('revert')) > 100)"
    assert run(installed, code) == "True\n"


def test_the_command_line_runs_elsewhere(installed: Path) -> None:
    code = "import sys; sys.argv[1:] = ['schema']; from rempart.cli import main; main()"
    assert '"properties"' in run(installed, code)


def test_the_table_of_anssi_is_inside(installed: Path) -> None:
    code = "import sys; sys.argv[1:] = ['controls', '--anssi', 'R31']"
    assert "PW-1" in run(installed, f"{code}; from rempart.cli import main; main()")


def test_verify_finds_its_suite(installed: Path) -> None:
    suite = {path.name for path in (ROOT / "src/rempart/verify/suite").glob("test_*.py")}
    inside = {path.name for path in (installed / "rempart/verify/suite").glob("test_*.py")}
    assert suite
    assert inside == suite
