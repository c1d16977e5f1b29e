"""docs/vault.md, "Without rempart": its commands, with stock tools alone."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from lab.requirements import program
from rempart.vault import new_generation, with_secret

from .cabinet import NOW, PAPER_KEY, Cabinet, public

PAGE = Path(__file__).parents[3] / "docs/vault.md"
_, _, SECTION = PAGE.read_text(encoding="utf-8").partition("## Without rempart")
READ, SPLIT, VERIFY = re.findall(r"^(sed .*?)(?: +#.*)?$", SECTION, re.MULTILINE)


@pytest.fixture
def folder(durand: Cabinet, tmp_path: Path) -> Path:
    made = durand.make()
    made.save(with_secret(made.content, "ws-1", "local", new_generation(NOW)), NOW)
    made = durand.open()
    (tmp_path / "cabinet.vault").write_bytes(durand.file.read_bytes())
    (tmp_path / "paper.txt").write_text(f"{PAPER_KEY}\n")
    (tmp_path / "allowed_signers").write_text(f"t.leroy {public('t.leroy')}\n")
    (tmp_path / "password").write_text(made.secret("ws-1", "local").password.get_secret_value())
    return tmp_path


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True)


def test_the_paper_and_age_read_it(folder: Path) -> None:
    program("age")  # or what to install
    done = shell(READ, folder)
    assert done.returncode == 0, done.stderr
    (entry,) = json.loads(done.stdout)["entries"]
    assert entry["generations"][0]["password"] == (folder / "password").read_text()


def test_openssh_says_who_signed_it(folder: Path) -> None:
    done = shell(f"{SPLIT} && {VERIFY}", folder)
    assert done.returncode == 0, done.stderr
    assert 'Good "vault@rempart" signature for t.leroy' in done.stdout
    text = (folder / "cabinet.vault").read_text()
    (folder / "cabinet.vault").write_text(text.replace('"counter":2', '"counter":3'))
    assert shell(f"{SPLIT} && {VERIFY}", folder).returncode != 0
