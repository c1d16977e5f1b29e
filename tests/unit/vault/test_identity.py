"""Private keys, with and without passphrases, and what is said when one does not fit."""

from __future__ import annotations

import re
from pathlib import Path

import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from rempart.vault import IdentityError, load_identities
from rempart.vault.identity import DEFAULT

from .cabinet import PAPER, PAPER_KEY, pem, public

CIPHERTEXT = pyrage.encrypt(b"secret", [pyrage.ssh.Recipient.from_str(public("t.leroy"))])


def nobody(question: str) -> str:
    raise AssertionError(f"asked: {question}")


def written(folder: Path, data: bytes) -> Path:
    path = folder / "key"
    path.write_bytes(data)
    return path


def test_an_ssh_key_opens_and_signs(tmp_path: Path) -> None:
    (found,) = load_identities([written(tmp_path, pem("t.leroy"))], nobody)
    assert found.key == public("t.leroy")
    assert pyrage.decrypt(CIPHERTEXT, [found.age]) == b"secret"
    assert found.signing


def test_a_passphrase_is_asked_for_and_the_key_stays_in_memory(tmp_path: Path) -> None:
    path = written(tmp_path, pem("t.leroy", "cinq petits mots"))
    before = path.read_bytes()
    asked: list[str] = []
    (found,) = load_identities([path], lambda q: asked.append(q) or "cinq petits mots")
    assert asked == [f"Passphrase of {path}: "]
    assert pyrage.decrypt(CIPHERTEXT, [found.age]) == b"secret"
    assert [each.name for each in tmp_path.iterdir()] == ["key"]
    assert path.read_bytes() == before
    assert repr(found) == f"Identity(key='{public('t.leroy')}')"


@pytest.mark.parametrize("given", ["", "wrong", "é"])
def test_a_wrong_passphrase_is_told(tmp_path: Path, given: str) -> None:
    path = written(tmp_path, pem("t.leroy", "right"))
    with pytest.raises(IdentityError, match="the passphrase does not open it"):
        load_identities([path], lambda _: given)


@pytest.mark.parametrize("armored", [True, False])
def test_age_identity_files_open_with_and_without_passphrase(tmp_path: Path, armored: bool) -> None:
    text = f"# created: today\n# public key: {PAPER.key}\n\n{PAPER_KEY}\n".encode()
    (found,) = load_identities([written(tmp_path, text)], nobody)
    assert (found.key, found.signing) == (PAPER.key, None)
    locked = pyrage.passphrase.encrypt(text, "right", armored=armored)
    (found,) = load_identities([written(tmp_path, locked)], lambda _: "right")
    assert found.key == PAPER.key
    with pytest.raises(IdentityError, match="the passphrase does not open it"):
        load_identities([tmp_path / "key"], lambda _: "wrong")


def test_a_busy_machine_opens_an_age_file_at_a_later_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was seen: age measures the machine's speed while others work, and refuses the file."""
    path = written(tmp_path, pyrage.passphrase.encrypt(str(PAPER_KEY).encode(), "right"))
    passphrases = []

    def busy(data: bytes, passphrase: str) -> bytes:
        passphrases.append(passphrase)
        return decrypt(data if len(passphrases) >= 3 else demanding(data), passphrase)

    decrypt = pyrage.passphrase.decrypt
    monkeypatch.setattr(pyrage.passphrase, "decrypt", busy)
    (found,) = load_identities([path], lambda _: "right")
    assert found.key == PAPER.key
    assert len(passphrases) >= 3  # more where this machine is busy
    assert set(passphrases) == {"right"}


def test_an_age_file_that_takes_too_long_is_not_called_a_wrong_passphrase(tmp_path: Path) -> None:
    locked = demanding(pyrage.passphrase.encrypt(b"x", "right"))
    with pytest.raises(IdentityError, match="takes this machine too long to open; try again when"):
        load_identities([written(tmp_path, locked)], lambda _: "right")


def demanding(data: bytes) -> bytes:
    """Return the file with a work factor of 2**40 in its first line, as if it took years."""
    return re.sub(rb"(-> scrypt \S+) \d+", rb"\1 40", data, count=1)


def test_what_a_person_types_from_paper_in_small_letters_opens(tmp_path: Path) -> None:
    (found,) = load_identities([written(tmp_path, str(PAPER_KEY).lower().encode())], nobody)
    assert found.key == PAPER.key


def other_kind() -> bytes:
    key = generate_private_key(SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is neither an SSH key nor an age identity file"),
        (public("t.leroy").encode(), "is neither an SSH key nor"),
        (b"AGE-SECRET-KEY-1QQQ", "has a line that is no age identity"),
        (other_kind(), "is of a type that opens no vault; use a key of type ed25519"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n", "is no private key that opens a vault"),
        (pem("t.leroy")[:200], "is no private key that opens a vault"),
    ],
)
def test_what_opens_no_vault_is_told(tmp_path: Path, data: bytes, why: str) -> None:
    with pytest.raises(IdentityError, match=why) as caught:
        load_identities([written(tmp_path, data)], nobody)
    assert "QQQ" not in str(caught.value)


def test_a_missing_key_is_told_with_the_way_to_name_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(IdentityError, match=r"/\.ssh/id_ed25519: cannot be read.*--identity FILE"):
        load_identities([], nobody)
    assert str(DEFAULT) == "~/.ssh/id_ed25519"
