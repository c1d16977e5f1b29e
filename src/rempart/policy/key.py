"""Public SSH keys: read, checked to be what they claim, never a private key, never an option.

Promise: what is no public key is never echoed, since it may be a private one.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Annotated

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_public_key
from pydantic import PlainValidator, ValidationInfo, WithJsonSchema

from rempart.policy.mistake import wrong

KEY_TYPES = (
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
)
RSA_MIN_BITS = 3072
"""RGS annex B1 (ANSSI): RSA moduli have at least 3072 bits beyond 2030."""
MAX_FILE_BYTES = 16 * 1024
WRITE_A_KEY = "write the one line of a .pub file, such as ssh-ed25519 AAAA… name"


def public_key(value: object) -> str:
    """Return ``type base64 comment`` of a public key as sshd(8), AUTHORIZED_KEYS, has it."""
    if not isinstance(value, str):
        raise wrong("must be a public key", WRITE_A_KEY, show=False)
    if "PRIVATE KEY" in value or value.startswith("PuTTY-User-Key-File"):
        hint = "take it out of every file it stands in, replace the key, give the public half"
        raise wrong("is a private key", hint, show=False)
    line = value.strip()
    if not line.isprintable() or len(line) > MAX_FILE_BYTES:
        raise wrong("must be one line of printable characters", WRITE_A_KEY, show=False)
    kind, blob, comment = (*line.split(None, 2), "", "", "")[:3]
    _check_kind(kind, line)
    _check_blob(kind, blob)
    if len(comment) > 200:
        raise wrong("has a comment of more than 200 characters", "shorten it", show=False)
    return " ".join(part for part in (kind, blob, comment) if part)


def _check_kind(kind: str, line: str) -> None:
    if kind == "ssh-dss":
        raise wrong("is a DSA key, which sshd refuses", "make an ed25519 key", show=False)
    if kind in KEY_TYPES:
        return
    if any(f" {known} " in line for known in KEY_TYPES):
        hint = "remove them; networks and expiry have their own keys in this file"
        raise wrong("has options in front of the key", hint, show=False)
    raise wrong("is no public key", WRITE_A_KEY, show=False)


def _check_blob(kind: str, blob: str) -> None:
    """Let the library decode the key: it compares the type inside and refuses what is left over."""
    try:
        base64.b64decode(blob, validate=True)
        key = load_ssh_public_key(f"{kind} {blob}".encode())
    except (ValueError, UnsupportedAlgorithm):
        raise wrong(f"is no {kind} key", "copy the .pub file again, whole", show=False) from None
    if isinstance(key, RSAPublicKey) and key.key_size < RSA_MIN_BITS:
        size = f"is an RSA key of {key.key_size} bits, under {RSA_MIN_BITS}"
        raise wrong(size, "make an ed25519 key", show=False)


def read_public_key(path: Path) -> str:
    """Return the public key that a ``.pub`` file holds, alone; read at most 16 KiB."""
    try:
        if path.exists() and not path.is_file():  # opening a FIFO would wait for ever
            raise wrong("is not a file", f"correct the path, or make {path}")
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1).decode()
    except OSError as error:
        reason = error.strerror or "unreadable"
        raise wrong(f"cannot be read: {reason}", f"check {path}") from None
    except UnicodeDecodeError:
        raise wrong("is no public key file", "name the .pub file") from None
    lines = [line for line in content.splitlines() if line.strip()]
    if len(lines) > 1 and "PRIVATE KEY" not in content:
        raise wrong("holds more than one line", "write one key per file", show=False)
    return public_key(lines[0] if len(lines) == 1 else content)


def age_key(value: object) -> str:
    """Return an age public key, ``age1…`` (age(1), RECIPIENTS AND IDENTITIES)."""
    from pyrage import RecipientError, x25519  # a native library that few commands need

    if isinstance(value, str) and "SECRET-KEY" in value.upper():
        raise wrong("is a private key", "throw it away, make another one", show=False)
    try:
        # One spelling per key, or two people could have the same one.
        if isinstance(value, str) and str(x25519.Recipient.from_str(value)) == value:
            return value
    except RecipientError:
        pass
    raise wrong("is no age public key", "write what age-keygen -y prints, age1…", show=False)


def folder_of(info: ValidationInfo) -> Path:
    """Return the folder of the YAML file that is being validated; relative paths start there."""
    context = info.context or {}
    return Path(context.get("folder", "."))


def key_file(value: object, info: ValidationInfo) -> Path:
    """Return the path of a file on the controller, relative ones taken from the YAML's folder."""
    if not isinstance(value, str) or not value or not value.isprintable():
        raise wrong("must be the path of a file", "write for example keys/m.durand.pub")
    return folder_of(info) / value


def _key_in_file(value: object, info: ValidationInfo) -> str:
    return read_public_key(key_file(value, info))


def fingerprint(key: str) -> str:
    """Return the key's ``SHA256:…`` as ``ssh-keygen -l`` prints it."""
    digest = hashlib.sha256(base64.b64decode(key.split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


_string = WithJsonSchema({"type": "string"})
PublicKey = Annotated[str, PlainValidator(public_key), _string]
KeyInFile = Annotated[str, PlainValidator(_key_in_file), _string]
AgeKey = Annotated[str, PlainValidator(age_key), _string]
KeyFile = Annotated[Path, PlainValidator(key_file), _string]
