"""New secrets of a host and a target: made here, from the system's random numbers."""

from __future__ import annotations

import datetime
import secrets

import pyrage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from pydantic import SecretStr

from rempart.vault.content import Generation

PASSWORD_BYTES = 32
"""256 bits, written as 64 hexadecimal digits: a recovery kit's reader types them from paper."""


def new_generation(now: datetime.datetime) -> Generation:
    """Return new secrets: a repository password, and the SSH key that may do nothing but ingest."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return Generation(
        state="current",
        made_at=now,
        password=SecretStr(secrets.token_hex(PASSWORD_BYTES)),
        private_key=SecretStr(private.decode()),
        public_key=public.decode(),
    )


def new_id() -> str:
    """Return the id of a new vault: 32 hexadecimal digits."""
    return secrets.token_hex(16)


def new_offline_key() -> tuple[str, SecretStr]:
    """Return a new age key: its public half, and the private half that belongs on paper alone."""
    key = pyrage.x25519.Identity.generate()
    return str(key.to_public()), SecretStr(str(key))
