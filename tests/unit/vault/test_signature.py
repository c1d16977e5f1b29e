"""Signatures as OpenSSH makes and checks them, for vaults alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.requirements import program
from rempart.vault import DamagedError
from rempart.vault.signature import sign, verify

from .cabinet import pem, private, public


def signed_by_openssh(folder: Path, message: bytes, namespace: str, *more: str) -> str:
    key = folder / "key"
    key.write_bytes(pem("t.leroy"))
    key.chmod(0o600)
    command = [program("ssh-keygen"), "-q", "-Y", "sign", "-f", str(key), "-n", namespace, *more]
    return subprocess.run(command, input=message, capture_output=True, check=True).stdout.decode()


@given(st.binary(max_size=200), st.text(min_size=1, max_size=8))
def test_what_is_signed_is_verified_and_says_by_whom(message: bytes, who: str) -> None:
    armor = sign(message, private(who))
    assert verify(message, armor) == public(who)
    with pytest.raises(DamagedError):
        verify(message + b"x", armor)


def test_openssh_verifies_it(tmp_path: Path) -> None:
    (tmp_path / "who").write_text(f"t.leroy {public('t.leroy')}\n")
    (tmp_path / "sig").write_text(sign(b"vault", private("t.leroy")))
    command = [
        program("ssh-keygen"),
        "-Y",
        "verify",
        "-f",
        "who",
        "-I",
        "t.leroy",
        "-n",
        "vault@rempart",
        "-s",
        "sig",
    ]
    for message, code in ((b"vault", 0), (b"Vault", 255)):
        done = subprocess.run(command, input=message, cwd=tmp_path, capture_output=True)
        assert done.returncode == code, done.stderr


def test_it_is_the_signature_that_openssh_makes(tmp_path: Path) -> None:
    assert signed_by_openssh(tmp_path, b"vault", "vault@rempart") == sign(
        b"vault", private("t.leroy")
    )


@pytest.mark.parametrize(
    ("namespace", "more"), [("git", ()), ("file", ()), ("vault@rempart", ("-O", "hashalg=sha256"))]
)
def test_signatures_for_anything_else_do_not_count(
    tmp_path: Path, namespace: str, more: tuple[str, ...]
) -> None:
    with pytest.raises(DamagedError):
        verify(b"vault", signed_by_openssh(tmp_path, b"vault", namespace, *more))


@pytest.mark.parametrize("text", ["", "x", "-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE"])
def test_rubbish_is_refused(text: str) -> None:
    with pytest.raises(DamagedError):
        verify(b"", text)


def test_another_armor_of_the_same_signature_is_refused() -> None:
    armor = sign(b"vault", private("t.leroy"))
    lines = armor.splitlines()
    longer = "\n".join([lines[0], "".join(lines[1:-1]), lines[-1], ""])
    for other in (longer, armor + "\n", armor.rstrip("\n"), "\n" + armor):
        with pytest.raises(DamagedError):
            verify(b"vault", other)
