"""`rempart vault` as a technician uses it: what it asks, prints, refuses and never prints."""

from __future__ import annotations

import datetime
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyrage
import pytest
from click.testing import Result
from typer.testing import CliRunner

from rempart.cli.vault import vault
from rempart.vault import Memory, Vault, new_generation, with_secret
from rempart.vault.envelope import unpack

from .cabinet import GARNIER, LEROY, OFFLINE, PAPER, Cabinet, pem, technician

Run = Callable[..., Result]
REMPART = Path(sys.executable).with_name("rempart")
NOW = datetime.datetime.now(datetime.UTC)
AS_GARNIER = technician("n.garnier")


@pytest.fixture
def cabinet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cabinet:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))
    made = Cabinet(tmp_path / "durand", Memory(tmp_path / "state/rempart/vaults"))
    made.write(technician("t.leroy"), AS_GARNIER)
    for login in ("t.leroy", "n.garnier"):
        (tmp_path / login).write_bytes(pem(login))
    return made


@pytest.fixture
def run(cabinet: Cabinet, tmp_path: Path) -> Run:
    def run(command: str, *more: str, who: str = "t.leroy", answer: str = "") -> Result:
        words = [command, str(cabinet.folder / "durand.yaml"), *more]
        if command != "trust":
            words += ["--identity", str(tmp_path / who)]
        return CliRunner().invoke(vault, words, input=answer)

    return run


@pytest.fixture
def filled(cabinet: Cabinet) -> Vault:
    found = cabinet.make()
    return found.save(with_secret(found.content, "ws-1", "local", new_generation(NOW)), NOW)


def document(result: Result) -> Any:
    assert not result.exception or isinstance(result.exception, SystemExit), result.exception
    return json.loads(result.stdout)


def test_init_shows_whom_it_is_for_and_asks(cabinet: Cabinet, run: Run) -> None:
    paper = f"--offline=coffre={OFFLINE.key}"
    refused = run("init", paper, answer="n\n")
    assert refused.exit_code == 1
    assert not cabinet.file.exists()
    made = run("init", paper, answer="y\n")
    assert made.exit_code == 0
    shown = [line.split()[0] for line in made.stdout.splitlines() if line.startswith("  ")]
    assert shown == ["n.garnier", "t.leroy", "coffre"]
    assert cabinet.open(PAPER, LEROY).header.counter == 1


def test_init_needs_a_paper(cabinet: Cabinet, run: Run) -> None:
    result = run("init", "--yes")
    assert "no offline key would be left" in str(result.exception)
    assert not cabinet.file.exists()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Coffre=age1x", "is no age public key"),
        ("coffre=AGE-SECRET-KEY-1QQQ", "is no age public key"),
        ("-", "lower case"),
    ],
)
def test_init_takes_public_keys_with_names(run: Run, text: str, why: str) -> None:
    result = run("init", f"--offline={text}", "--yes")
    assert why in str(result.exception)
    assert "QQQ" not in str(result.exception)


def test_json_does_not_ask(cabinet: Cabinet, run: Run) -> None:
    paper = f"--offline=coffre={OFFLINE.key}"
    assert "--json cannot ask" in str(run("init", paper, "--json").exception)
    made = document(run("init", paper, "--json", "--yes"))
    assert (made["version"], made["practice"], made["secrets"]) == (1, "durand", [])
    assert [each["name"] for each in made["recipients"]] == ["n.garnier", "t.leroy", "coffre"]


def on_a_terminal(words: list[str], answers: str, output: Path) -> str:
    """Run a command whose stdout is a file, and return what it showed on its terminal."""
    child, terminal = pty.fork()
    if child == 0:
        with output.open("wb") as file:
            os.dup2(file.fileno(), 1)
        os.execv(words[0], words)
    os.write(terminal, answers.encode())
    shown = b""
    while True:
        try:
            shown += os.read(terminal, 4096) or b""
        except OSError:  # EIO: the other end is closed
            break
    os.close(terminal)
    assert os.waitpid(child, 0)[1] == 0, shown
    return shown.decode()


def test_a_new_paper_key_is_on_the_terminal_and_nowhere_else(
    cabinet: Cabinet, tmp_path: Path
) -> None:
    file = str(cabinet.folder / "durand.yaml")
    words = [str(REMPART), "vault", "init", file, "--offline=coffre", "--yes"]
    shown = on_a_terminal([*words, "--identity", str(tmp_path / "t.leroy")], "", tmp_path / "out")
    (key,) = re.findall(r"AGE-SECRET-KEY-1[0-9A-Z]+", shown)
    assert "made; keep it in your repository" in (tmp_path / "out").read_text()
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or key.encode() not in path.read_bytes(), path
    ciphertext = unpack(cabinet.file.read_bytes()).ciphertext.encode()
    assert pyrage.decrypt(ciphertext, [pyrage.x25519.Identity.from_str(key)])


def test_without_a_terminal_no_key_is_made(cabinet: Cabinet, tmp_path: Path) -> None:
    file = str(cabinet.folder / "durand.yaml")
    words = [str(REMPART), "vault", "init", file, "--offline=coffre", "--yes"]
    done = subprocess.run(
        [*words, "--identity", str(tmp_path / "t.leroy")],
        start_new_session=True,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("rempart: offline key coffre: there is no terminal")
    assert "AGE-SECRET" not in done.stdout + done.stderr
    assert not cabinet.file.exists()


def test_show_has_metadata_and_no_secret(filled: Vault, run: Run) -> None:
    newest = filled.content.entries[0].newest
    outputs = [
        run("show").output,
        run("show", "--json").output,
        run("show", "ws-1", "local").output,
        run("show", "durand/ws-1", "local", "--json").output,
    ]
    for output in outputs:
        assert "current" in output
        assert newest.password.get_secret_value() not in output
        assert newest.private_key.get_secret_value().splitlines()[2] not in output
    assert "signed by t.leroy (SHA256:" in outputs[0]
    assert newest.public_key in outputs[2]
    known = json.loads(outputs[1])["secrets"][0]["generations"][0]
    assert set(known) == {"state", "made_at", "public_key", "repository", "readers"}


def test_a_secret_is_shown_to_who_asks_for_it(filled: Vault, run: Run) -> None:
    newest = filled.content.entries[0].newest
    words = ["show", "ws-1", "local", "--secret"]
    # CliRunner's stdout is no file of the system's: fileno() is the test's own.
    shown = reveal(run, *words)
    assert shown.stdout == newest.password.get_secret_value() + "\n"
    (known,) = json.loads(reveal(run, *words, "--json").stdout)["generations"]
    assert known["private_key"] == newest.private_key.get_secret_value()


def reveal(run: Run, *words: str) -> Result:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rempart.cli.vault._refuse_files", lambda: None)
        return run(*words)


def test_a_secret_is_for_a_pipe_not_for_a_file(
    cabinet: Cabinet, filled: Vault, tmp_path: Path
) -> None:
    file = str(cabinet.folder / "durand.yaml")
    words = [str(REMPART), "vault", "show", file, "ws-1", "local", "--secret"]
    words += ["--identity", str(tmp_path / "t.leroy")]
    piped = subprocess.run(words, capture_output=True, text=True, check=True)
    password = filled.secret("ws-1", "local").password.get_secret_value()
    assert (piped.stdout, piped.stderr) == (f"{password}\n", "")
    with (tmp_path / "out").open("w") as out:
        refused = subprocess.run(words, stdout=out, stderr=subprocess.PIPE, text=True)
    assert refused.returncode == 1
    assert "--secret does not write to a file" in refused.stderr
    assert (tmp_path / "out").read_text() == ""


@pytest.mark.parametrize("words", [["--secret"], ["ws-1"], ["ws-1", "--secret"]])
def test_no_secret_of_everything_at_once(filled: Vault, run: Run, words: list[str]) -> None:
    assert "name both, HOST and TARGET" in str(run("show", *words).exception)


def test_an_unknown_host_is_told(filled: Vault, run: Run) -> None:
    assert "ws-9: local: the vault has no secret" in str(run("show", "ws-9", "local").exception)


def test_after_a_technician_has_left(cabinet: Cabinet, filled: Vault, run: Run) -> None:
    assert run("show").exit_code == 0
    cabinet.write(AS_GARNIER)
    before = run("show", who="n.garnier")
    assert before.exit_code == 2
    assert "t.leroy knows 1 secret in use: rempart vault rekey --remove t.leroy" in before.stdout
    done = run("rekey", "--remove=t.leroy", who="n.garnier", answer="y\n")
    assert done.exit_code == 0, done.output
    assert "ws-1: local: new password, key and repository" in done.stdout
    assert "not taken back: offline key coffre" in done.stdout
    after = run("show", "--json", who="n.garnier")
    assert after.exit_code == 2
    assert json.loads(after.stdout)["to_do"] == [
        "ws-1: local: new secrets wait for the host: rempart backup init"
    ]
    again = run("rekey", "--remove=t.leroy", who="n.garnier")
    assert "nothing to change" in again.stdout
    assert cabinet.open(GARNIER).header.counter == 3


def test_a_rekey_that_is_not_confirmed_changes_nothing(
    cabinet: Cabinet, filled: Vault, run: Run
) -> None:
    cabinet.write(technician("t.leroy"), AS_GARNIER, technician("mallory"))
    before = cabinet.file.read_bytes()
    result = run("rekey", answer="n\n")
    assert "mallory (technician, SHA256:" in result.stdout
    assert result.exit_code == 1
    assert cabinet.file.read_bytes() == before


def test_rekey_says_what_it_did_as_json(cabinet: Cabinet, filled: Vault, run: Run) -> None:
    cabinet.write(AS_GARNIER)
    did = document(run("rekey", "--remove=t.leroy", "--json", "--yes", who="n.garnier"))
    assert did["changed"]
    assert did["rotated"] == [{"host": "ws-1", "target": "local"}]
    assert any("t.leroy can decrypt any copy" in line for line in did["remaining"])
    again = document(run("rekey", "--remove=t.leroy", "--json", "--yes", who="n.garnier"))
    assert (again["changed"], again["rotated"]) == (False, [])


def test_a_new_controller_takes_a_vault_after_a_comparison(
    cabinet: Cabinet, filled: Vault, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "laptop"))
    refused = run("show", who="n.garnier")
    assert "new to this controller, signed by t.leroy" in str(refused.exception)
    assert run("trust", answer="n\n").exit_code == 1
    assert "new to this controller" in str(run("show", who="n.garnier").exception)
    told = run("trust", answer="y\n")
    assert "seen here: none\nsigned by t.leroy, SHA256:" in told.stdout
    assert run("show", who="n.garnier").exit_code == 0


def test_trust_says_when_it_goes_back(cabinet: Cabinet, filled: Vault, run: Run) -> None:
    old = cabinet.file.read_bytes()
    filled.save(filled.content, NOW)
    cabinet.file.write_bytes(old)
    told = run("trust", answer="y\n")
    assert told.stdout.startswith("version 2 of ")
    assert "seen here: version 3 of " in told.stdout
    assert run("show").exit_code == 0


def test_trust_takes_no_forgery_and_no_other_practices_vault(
    cabinet: Cabinet, filled: Vault, run: Run
) -> None:
    raw = cabinet.file.read_bytes()
    cabinet.file.write_bytes(raw[:-100])
    assert "is no vault" in str(run("trust", "--yes").exception)
    cabinet.file.write_bytes(raw)
    yaml = cabinet.folder / "durand.yaml"
    yaml.write_text(yaml.read_text().replace("name: durand", "name: morel"))
    assert "is the vault of durand, not of morel" in str(run("trust", "--yes").exception)


def test_nothing_that_the_commands_leave_behind_holds_a_secret(
    cabinet: Cabinet, filled: Vault, run: Run, tmp_path: Path
) -> None:
    cabinet.write(AS_GARNIER)
    said = run("show", who="n.garnier").output
    said += run("rekey", "--remove=t.leroy", "--yes", who="n.garnier").output
    said += run("show", "ws-1", "local", who="n.garnier").output
    entry = cabinet.open(GARNIER).content.entries[0]
    for secret in (s for g in entry.generations for s in (g.password, g.private_key)):
        clear = secret.get_secret_value()
        assert clear not in said
        for path in tmp_path.rglob("*"):
            assert path.is_dir() or clear.encode() not in path.read_bytes(), path
