"""`rempart vault` as a technician uses it: what it asks, prints, refuses and never prints."""

from __future__ import annotations

import datetime
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyrage
import pytest
from click.testing import Result
from typer.testing import CliRunner

from rempart.cli.vault import vault
from rempart.vault import Vault, new_generation, with_secret
from rempart.vault.envelope import unpack

from .cabinet import GARNIER, LEROY, OFFLINE, PAPER, Cabinet, pem, technician
from .terminal import REMPART, on_a_terminal

Run = Callable[..., Result]
NOW = datetime.datetime.now(datetime.UTC)
AS_GARNIER = technician("n.garnier")


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
        ("Coffre=age1x", "must be a name in lower case"),
        ("coffre=age1x", "is no age public key"),
        ("coffre=AGE-SECRET-KEY-1QQQ", "is a private key; throw it away"),
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
    assert (made["version"], made["practice"], made["to_do"]) == (1, "durand", [])
    assert [(each["host"], each["target"]) for each in made["secrets"]] == [("ws-1", "local")]
    assert [each["name"] for each in made["recipients"]] == ["n.garnier", "t.leroy", "coffre"]


def test_a_new_paper_key_is_on_the_terminal_and_nowhere_else(
    cabinet: Cabinet, tmp_path: Path
) -> None:
    words = [REMPART, "vault", "init", cabinet.inventory, "--offline=coffre", "--yes"]
    code, shown = on_a_terminal(
        [*words, "--identity", tmp_path / "t.leroy"], stdout=tmp_path / "out"
    )
    assert code == 0, shown
    (key,) = re.findall(r"AGE-SECRET-KEY-1[0-9A-Z]+", shown)
    assert "made, with 1 secret; keep it in your repository" in (tmp_path / "out").read_text()
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or key.encode() not in path.read_bytes(), path
    ciphertext = unpack(cabinet.file.read_bytes()).ciphertext.encode()
    assert pyrage.decrypt(ciphertext, [pyrage.x25519.Identity.from_str(key)])


def test_without_a_terminal_no_key_is_made(cabinet: Cabinet, tmp_path: Path) -> None:
    words = [str(REMPART), "vault", "init", str(cabinet.inventory), "--offline=coffre", "--yes"]
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


def test_init_makes_what_the_policy_backs_up(cabinet: Cabinet, run: Run) -> None:
    made = run("init", f"--offline=coffre={OFFLINE.key}", "--yes")
    assert "made, with 1 secret; keep it in your repository" in made.stdout
    found = cabinet.open()
    assert [(each.host, each.target) for each in found.content.entries] == [("ws-1", "local")]
    assert found.secret("ws-1", "local").was_read_by("coffre")
    assert run("list").exit_code == 0


def test_no_paper_is_written_for_a_vault_that_nobody_may_sign(
    cabinet: Cabinet, tmp_path: Path
) -> None:
    (tmp_path / "mallory").write_bytes(pem("mallory"))
    words = [REMPART, "vault", "init", cabinet.inventory, "--offline=coffre", "--yes"]
    code, shown = on_a_terminal([*words, "--identity", tmp_path / "mallory"])
    assert code == 1
    assert "no private key at hand may sign it" in shown
    assert "AGE-SECRET" not in shown


def test_list_has_metadata_and_no_secret(filled: Vault, run: Run) -> None:
    newest = filled.content.entries[0].newest
    outputs = [run("list").output, run("list", "--json").output, run("list", "ws-1").output]
    for output in outputs:
        assert "current" in output
        assert newest.password.get_secret_value() not in output
        assert newest.private_key.get_secret_value().splitlines()[2] not in output
    assert "signed by t.leroy (SHA256:" in outputs[0]
    assert newest.public_key in outputs[2]
    assert "t.leroy since" in outputs[2]
    known = json.loads(outputs[1])["secrets"][0]["generations"][0]
    assert set(known) == {"state", "made_at", "public_key", "repository", "readers"}


SHOW = ("ws-1", "durand/ws-1")


@pytest.mark.parametrize("host", SHOW)
def test_one_secret_is_shown_on_a_terminal(
    cabinet: Cabinet, filled: Vault, tmp_path: Path, host: str
) -> None:
    newest = filled.content.entries[0].newest
    words = [REMPART, "vault", "show", cabinet.inventory, host, "local"]
    words += ["--identity", tmp_path / "t.leroy"]
    password = newest.password.get_secret_value()
    assert on_a_terminal(words) == (0, f"{password}\r\n")
    code, key = on_a_terminal([*words, "--private-key"])
    assert (code, key.replace("\r\n", "\n")) == (0, newest.private_key.get_secret_value())
    code, document = on_a_terminal([*words, "--json"])
    assert json.loads(document) == {"host": "ws-1", "target": "local", "password": password}


@pytest.mark.parametrize("more", [[], ["--json"], ["--private-key"]])
def test_no_secret_is_shown_elsewhere(
    cabinet: Cabinet, filled: Vault, tmp_path: Path, more: list[str]
) -> None:
    words = [str(REMPART), "vault", "show", str(cabinet.inventory), "ws-1", "local", *more]
    words += ["--identity", str(tmp_path / "t.leroy")]
    piped = subprocess.run(words, capture_output=True, text=True)
    assert (piped.returncode, piped.stdout) == (1, "")
    assert piped.stderr.startswith("rempart: vault show: prints a secret on a terminal alone")
    assert len(piped.stderr.splitlines()) == 1
    code, shown = on_a_terminal(words, stdout=tmp_path / "out")
    assert (code, (tmp_path / "out").read_text()) == (1, "")
    assert "on a terminal alone" in shown


def test_an_unknown_host_is_told(filled: Vault, run: Run) -> None:
    assert "ws-9: the vault has no secret of such a host" in str(run("list", "ws-9").exception)


def test_what_a_practice_without_a_vault_is_told_is_one_line(cabinet: Cabinet, run: Run) -> None:
    told = str(run("list").exception)
    assert told == f"{cabinet.file}: is not there; 'rempart vault init' makes it"


def test_a_new_host_gets_secrets_by_a_rekey(cabinet: Cabinet, filled: Vault, run: Run) -> None:
    text = cabinet.inventory.read_text()
    host = "  - {name: ws-2, role: workstation, address: 192.0.2.12}\nbackup:\n"
    text = text.replace("backup:\n", host).replace("hosts: [ws-1]", "hosts: [ws-1, ws-2]")
    cabinet.inventory.write_text(text)
    before = run("list")
    assert before.exit_code == 2
    assert "ws-2: local: has no secrets yet: rempart vault rekey" in before.stdout
    done = run("rekey", "--yes", "--json")
    assert json.loads(done.stdout)["made"] == [{"host": "ws-2", "target": "local"}]
    assert run("list").exit_code == 0
    assert "nothing to change" in run("rekey").stdout


def test_after_a_technician_has_left(cabinet: Cabinet, filled: Vault, run: Run) -> None:
    assert run("list").exit_code == 0
    cabinet.write(AS_GARNIER)
    before = run("list", who="n.garnier")
    assert before.exit_code == 2
    assert "t.leroy knows 1 secret in use: rempart vault rekey --remove t.leroy" in before.stdout
    done = run("rekey", "--remove=t.leroy", who="n.garnier", answer="y\n")
    assert done.exit_code == 0, done.output
    assert "ws-1: local: new password, key and repository" in done.stdout
    assert "not taken back: offline key coffre" in done.stdout
    after = run("list", "--json", who="n.garnier")
    assert after.exit_code == 2
    assert json.loads(after.stdout)["to_do"] == ["ws-1: local: the new secrets wait for the host"]
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
    refused = run("list", who="n.garnier")
    assert "new to this controller, signed by t.leroy" in str(refused.exception)
    assert run("trust", answer="n\n").exit_code == 1
    assert "new to this controller" in str(run("list", who="n.garnier").exception)
    told = run("trust", answer="y\n")
    assert "seen here: none\nsigned by t.leroy, SHA256:" in told.stdout
    assert run("list", who="n.garnier").exit_code == 0


def test_trust_says_when_it_goes_back(cabinet: Cabinet, filled: Vault, run: Run) -> None:
    old = cabinet.file.read_bytes()
    filled.save(filled.content, NOW)
    cabinet.file.write_bytes(old)
    told = run("trust", answer="y\n")
    assert told.stdout.startswith("version 2 of ")
    assert "seen here: version 3 of " in told.stdout
    assert "OLDER than what was seen here" in told.stdout
    assert run("list").exit_code == 0


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
