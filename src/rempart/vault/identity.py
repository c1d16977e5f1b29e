"""Private keys that open a vault: SSH keys (Ed25519) and age identity files, with passphrases.

Promise: a decrypted key stays in this process's memory. It is never written, not even to a
temporary file, and no error, repr or traceback line shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyrage
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from rempart.vault.error import IdentityError

DEFAULT = Path("~/.ssh/id_ed25519")
MAX_BYTES = 64 * 1024
TRIES = 50
"""Of an age file with a passphrase, a few milliseconds each where age finds the machine slow."""

AGE_FILES = (b"age-encryption.org/v1", b"-----BEGIN AGE ENCRYPTED FILE-----")

Ask = Callable[[str], str]
"""Asks a person for a passphrase: takes the question, returns the answer."""


@dataclass(frozen=True)
class Identity:
    """One private key: it opens what was encrypted to `key`, and may sign if it is an SSH key."""

    key: str
    age: Any = field(repr=False)
    signing: Ed25519PrivateKey | None = field(default=None, repr=False)


def load_identities(paths: Sequence[Path], ask: Ask) -> tuple[Identity, ...]:
    """Return the private keys in files; ``~/.ssh/id_ed25519`` when none is named.

    Raises:
        IdentityError: a file is missing, no key, of a kind that age cannot use, or its passphrase
            is wrong.
    """
    found = [each for path in paths or [DEFAULT] for each in _load(path.expanduser(), ask)]
    return tuple(found)


def _load(path: Path, ask: Ask) -> Iterable[Identity]:
    data = _read(path)
    if data.startswith(AGE_FILES):
        data = _unlocked(path, data, ask)
    if b"AGE-SECRET-KEY-" in data.upper():
        return _age(path, data)
    if b"-----BEGIN " in data:
        return [_ssh(path, data, ask)]
    raise _refused(path, "is neither an SSH key nor an age identity file", "name a private key")


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES)
    except OSError as error:
        hint = "name your private key with --identity FILE"
        raise _refused(path, f"cannot be read: {error.strerror}", hint) from None


def _unlocked(path: Path, data: bytes, ask: Ask) -> bytes:
    """Return an identity file that ``age -p`` encrypted.

    age refuses a file that takes 16 times as long as what this machine does in a second, which it
    measures for a moment at each try: a busy machine looks too slow.
    """
    passphrase = ask(f"Passphrase of {path}: ")
    for _ in range(TRIES):
        try:
            return bytes(pyrage.passphrase.decrypt(data, passphrase))
        except pyrage.DecryptError as error:
            if not str(error).startswith("Excessive work"):
                raise _refused(path, "the passphrase does not open it", "try again") from None
    hint = "try again when nothing else runs, or encrypt the file with less work"
    raise _refused(path, "takes this machine too long to open", hint)


def _age(path: Path, data: bytes) -> list[Identity]:
    lines = (line.strip() for line in data.decode("ascii", "replace").splitlines())
    try:
        keys = [pyrage.x25519.Identity.from_str(x) for x in lines if x and x[0] != "#"]
    except pyrage.IdentityError:
        hint = "give a file that age-keygen wrote, unchanged"
        raise _refused(path, "has a line that is no age identity", hint) from None
    return [Identity(str(key.to_public()), key) for key in keys]


def _ssh(path: Path, data: bytes, ask: Ask) -> Identity:
    """Return an SSH key. pyrage takes none with a passphrase, so that is taken off in memory."""
    key = _decrypted(path, data, None)
    if key is None:
        key = _decrypted(path, data, ask(f"Passphrase of {path}: "))
    if not isinstance(key, Ed25519PrivateKey):
        hint = "use a key of type ed25519, or an age identity file"
        raise _refused(path, "is of a type that opens no vault", hint)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return Identity(public, pyrage.ssh.Identity.from_buffer(pem), key)


def _decrypted(path: Path, data: bytes, passphrase: str | None) -> object:
    """Return the private key, None when it has a passphrase and none was given."""
    try:
        return load_ssh_private_key(data, passphrase.encode() if passphrase is not None else None)
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:
        if passphrase is not None:
            raise _refused(path, "the passphrase does not open it", "try again") from None
        if isinstance(error, TypeError):
            return None
        hint = "give an OpenSSH private key of type ed25519 (not on a FIDO token)"
        raise _refused(path, "is no private key that opens a vault", hint) from None


def _refused(path: Path, what: str, hint: str) -> IdentityError:
    return IdentityError(f"{path}: {what}; {hint}")
