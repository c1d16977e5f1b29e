"""The file is always a whole one: the old or the new, whatever ends the writer."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rempart.vault import Vault, VaultError, new_generation, with_secret
from rempart.vault.envelope import unpack
from rempart.vault.file import replace
from rempart.vault.memory import Memory, default_memory

from .cabinet import GARNIER, NOW, Cabinet, days

SAVES_FOR_EVER = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.unit.vault.cabinet import Cabinet, NOW
from rempart.vault import Memory
durand = Cabinet(Path({folder!r}), Memory(Path({memory!r})))
found = durand.open()
print("ready", flush=True)
while True:
    found = found.save(found.content, NOW)
"""
ROOT = Path(__file__).resolve().parents[3]
SYSTEM_CALLS = ("open", "write", "fsync", "replace")


@pytest.fixture
def filled(durand: Cabinet) -> Vault:
    made = durand.make()
    return made.save(with_secret(made.content, "ws-1", "local", new_generation(NOW)), NOW)


@pytest.fixture
def saver(durand: Cabinet, filled: Vault) -> Iterator[subprocess.Popen[str]]:
    code = SAVES_FOR_EVER.format(
        root=str(ROOT), folder=str(durand.folder), memory=str(durand.memory.folder)
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        assert child.stdout.readline() == "ready\n"
        yield child
        child.kill()


@pytest.mark.parametrize("number", range(8))
def test_a_killed_save_leaves_a_whole_vault(
    durand: Cabinet, saver: subprocess.Popen[str], number: int
) -> None:
    time.sleep(0.003 * number)
    saver.send_signal(signal.SIGKILL)
    saver.wait()
    found = durand.open()  # neither damaged, nor a rollback, nor a fork
    assert found.secret("ws-1", "local").password
    assert found.save(found.content, days(1)).header.counter == found.header.counter + 1


@pytest.mark.parametrize("call", ["mkstemp", "fdopen", "fsync", "rename", "between", "memory"])
def test_an_end_at_any_step_leaves_old_or_new(
    durand: Cabinet, filled: Vault, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """As a power cut at that step: nothing after it happens, no clean-up either."""
    before = durand.file.read_bytes()

    class PowerCut(BaseException):
        pass

    def cut(*_: object, **__: object) -> None:
        raise PowerCut

    where = {
        "mkstemp": "tempfile.mkstemp",
        "fdopen": "os.fdopen",
        "fsync": "os.fsync",
        "rename": "pathlib.Path.replace",
        "between": "rempart.vault.file._sync",
        "memory": "rempart.vault.memory.Memory.remember",
    }
    with monkeypatch.context() as patch:
        patch.setattr(where[call], cut)
        patch.setattr("pathlib.Path.unlink", lambda *_, **__: None)
        with pytest.raises(PowerCut):
            filled.save(filled.content, days(1))
    is_new = durand.file.read_bytes() != before
    assert is_new == (call in ("between", "memory"))
    found = durand.open(GARNIER)
    assert found.header.counter == 2 + is_new
    assert found.save(found.content, days(2)).header.counter == 3 + is_new


def test_a_full_disk_leaves_the_old_vault(
    durand: Cabinet, filled: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = durand.file.read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(VaultError, match=r"durand\.vault: cannot be written: No space left"):
            filled.save(filled.content, days(1))
    assert durand.file.read_bytes() == before
    assert sorted(path.name for path in durand.folder.iterdir()) == [
        "durand.vault",
        "durand.yaml",
        "provider.yaml",
    ]


def test_it_is_for_its_owner_alone_from_the_first_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    rename = Path.replace

    def watched(self: Path, target: Path) -> Path:
        seen.append(stat.S_IMODE(self.stat().st_mode))
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", watched)
    old = os.umask(0)
    try:
        replace(tmp_path / "x", b"secret")
    finally:
        os.umask(old)
    assert seen == [0o600]
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o600


def test_two_who_save_at_once_do_not_lose_one_anothers_secrets(
    durand: Cabinet, filled: Vault
) -> None:
    mine, theirs = durand.open(), durand.open(GARNIER)
    mine.save(with_secret(mine.content, "ws-1", "disque", new_generation(NOW)), NOW)
    after = durand.file.read_bytes()
    with pytest.raises(VaultError, match="has changed meanwhile"):
        theirs.save(theirs.content, NOW)
    assert durand.file.read_bytes() == after


def test_memory_never_goes_back(durand: Cabinet, filled: Vault) -> None:
    newest = durand.memory.recall("durand")
    assert newest
    durand.memory.remember("durand", newest.model_copy(update={"counter": 1}))
    assert durand.memory.recall("durand") == newest
    durand.memory.remember("durand", newest.model_copy(update={"counter": 1}), anew=True)
    again = durand.memory.recall("durand")
    assert again
    assert again.counter == 1


def test_memory_lies_where_the_xdg_specification_says(tmp_path: Path) -> None:
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    assert default_memory(environment).folder == tmp_path / "rempart/vaults"
    home = Memory(Path("~/.local/state/rempart/vaults").expanduser())
    assert default_memory({"XDG_STATE_HOME": "relative"}) == default_memory({}) == home


def test_memory_is_the_owners_alone(durand: Cabinet, filled: Vault) -> None:
    assert stat.S_IMODE(durand.memory.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(durand.memory.path("durand").stat().st_mode) == 0o600


def test_a_vault_is_read_from_a_file_alone(durand: Cabinet, filled: Vault) -> None:
    durand.file.unlink()
    os.mkfifo(durand.file)
    with pytest.raises(VaultError, match="is not a file"):
        durand.open()


def test_a_bigger_vault_than_can_be_read_is_not_written(
    filled: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rempart.vault.seal.MAX_BYTES", 100)
    with pytest.raises(VaultError, match="would be over"):
        filled.save(filled.content, NOW)


def test_what_was_written_is_a_vault(durand: Cabinet, filled: Vault) -> None:
    assert unpack(durand.file.read_bytes()).header == filled.header
