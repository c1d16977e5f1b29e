"""SSH signatures, made and checked: OpenSSH's PROTOCOL.sshsig, for Ed25519 keys.

Promise: a signature made here counts for vaults alone. The namespace is part of what is signed, so
it cannot be used to log in, and no signature of a commit or a login is one of a vault.
"""

from __future__ import annotations

import base64
import hashlib
import re
import struct
import textwrap

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from rempart.vault.error import DamagedError

NAMESPACE = b"vault@rempart"
ARMOR = re.compile(
    r"-----BEGIN SSH SIGNATURE-----\n([A-Za-z0-9+/=\n]+)-----END SSH SIGNATURE-----\n"
)
KEY_TYPE = b"ssh-ed25519"


def sign(message: bytes, key: Ed25519PrivateKey) -> str:
    """Return the armored signature of a message, as ``ssh-keygen -Y sign -n vault@rempart``."""
    public = key.public_key().public_bytes_raw()
    return _armored(public, key.sign(_signed(message)))


def verify(message: bytes, armor: str) -> str:
    """Return the key that signed a message, ``ssh-ed25519 AAAA…``; who that is, the caller decides.

    There is exactly one armor per signature: whatever else would be read as the same is refused.

    Raises:
        DamagedError: the signature is not one, or not of this message.
    """
    try:
        public, signature = _opened(armor)
        Ed25519PublicKey.from_public_bytes(public).verify(signature, _signed(message))
    except (ValueError, InvalidSignature):
        raise DamagedError("the signature is not one of these bytes") from None
    return f"ssh-ed25519 {base64.b64encode(_key_blob(public)).decode()}"


def _opened(armor: str) -> tuple[bytes, bytes]:
    """Return key and signature; ValueError unless the armor is exactly what we would write."""
    match = ARMOR.fullmatch(armor)
    if not match:
        raise ValueError("no armor")
    blob = base64.b64decode(match[1].replace("\n", ""), validate=True)
    start = len(b"SSHSIG") + 4 + 4 + 4 + len(KEY_TYPE) + 4
    public, signature = blob[start : start + 32], blob[-64:]
    if _armored(public, signature) != armor:
        raise ValueError("not in its one form")
    return public, signature


def _armored(public: bytes, signature: bytes) -> str:
    parts = (_key_blob(public), NAMESPACE, b"", b"sha512", _strings(KEY_TYPE, signature))
    blob = b"SSHSIG" + struct.pack(">I", 1) + _strings(*parts)
    lines = textwrap.wrap(base64.b64encode(blob).decode(), 70)
    return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""])


def _signed(message: bytes) -> bytes:
    return b"SSHSIG" + _strings(NAMESPACE, b"", b"sha512", hashlib.sha512(message).digest())


def _key_blob(public: bytes) -> bytes:
    return _strings(KEY_TYPE, public)


def _strings(*parts: bytes) -> bytes:
    """Return SSH strings (RFC 4251, 5): each with its length in front."""
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)
