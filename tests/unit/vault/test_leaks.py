"""Nothing secret in arguments, environments, files or what is printed: looked at meanwhile."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pyrage
import pytest

import rempart

from .cabinet import GARNIER, LEROY, Cabinet, pem, technician
from .terminal import REMPART, Watch, on_a_terminal

SECRET = "9f2c6e1b"
PASSPHRASE = "cinq petits mots"
SOURCES = Path(rempart.__file__).parent


@pytest.mark.parametrize(
    "words",
    [
        ["sh", "-c", "sleep 0.3", SECRET],
        ["env", f"X={SECRET}", "sleep", "0.3"],
        ["sh", "-c", "cd $TMPDIR; printf 9f2c > x; printf 6e1b >> x; sleep 0.3; rm x"],
        [sys.executable, "-c", f"import subprocess; subprocess.run(['true', '{SECRET}'])"],
        [sys.executable, "-c", f"import os; os.environ['X'] = '{SECRET}'"],
    ],
    ids=["argument", "environment", "file for a moment", "argument for a moment", "putenv"],
)
def test_the_watch_sees_a_leak(tmp_path: Path, words: list[str]) -> None:
    watch = Watch(tmp_path)
    code, _ = on_a_terminal(words, environment=watch.environment, watch=watch)
    assert code == 0
    assert watch.saw(SECRET)


def test_commands_leak_nothing_while_they_run(cabinet: Cabinet, tmp_path: Path) -> None:
    (tmp_path / "t.leroy").write_bytes(pem("t.leroy", PASSPHRASE))
    watch, shown = Watch(tmp_path), []

    def run(command: str, *more: str, who: str = "t.leroy") -> str:
        words = [REMPART, "vault", command, cabinet.inventory, *more, "--identity", tmp_path / who]
        answers = {"Passphrase of": PASSPHRASE, "[y/N]": "y", "compared? [y/N]": "y"}
        code, text = on_a_terminal(words, answers, environment=watch.environment, watch=watch)
        assert code in (0, 2), text
        shown.append(text)
        return text

    (paper,) = re.findall(r"AGE-SECRET-KEY-1[0-9A-Z]+", run("init", "--offline=coffre"))
    first = cabinet.open(LEROY).secret("ws-1", "local")
    run("list")
    run("list", "ws-1", "--json")
    assert first.password.get_secret_value() in run("show", "ws-1", "local")
    assert first.private_key.get_secret_value().split()[4] in run(
        "show", "ws-1", "local", "--private-key"
    )
    told = shown[:3]
    cabinet.write(technician("n.garnier"))
    told.append(run("rekey", "--remove=t.leroy", "--yes", who="n.garnier"))
    told.append(run("list", who="n.garnier"))
    generations = cabinet.open(GARNIER).content.entry("ws-1", "local").generations
    assert len(generations) == 2
    for secret in (s for g in generations for s in (g.password, g.private_key)):
        clear = secret.get_secret_value()
        for part in (clear, clear.splitlines()[len(clear.splitlines()) // 2]):
            assert not watch.saw(part)
            assert not any(part in text for text in told)
    for secret in (paper, PASSPHRASE):
        assert not watch.saw(secret)
        assert not any(secret in text for text in shown[1:])
    assert pyrage.x25519.Identity.from_str(paper)


def test_only_the_commands_know_the_vault() -> None:
    """So no plan, diff, journal or script for a host can hold what is in it."""
    files = [path for path in SOURCES.rglob("*.py") if not path.is_relative_to(SOURCES / "vault")]
    knowing = {path.relative_to(SOURCES).parts[0] for path in files if _imports_the_vault(path)}
    assert knowing == {"cli"}


def _imports_the_vault(path: Path) -> bool:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        if any(f"{name}.".startswith("rempart.vault.") for name in names):
            return True
    return False
