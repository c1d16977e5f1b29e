"""The file of a vault: a header that all may read, the ciphertext, a signature over both.

    rempart vault 1
    {"counter":7,"id":"…","practice":"cabinet-rivoire","recipients":[…],"saved_at":"…"}
    -----BEGIN AGE ENCRYPTED FILE-----
    …
    -----END AGE ENCRYPTED FILE-----
    -----BEGIN SSH SIGNATURE-----
    …

Stock tools read it: ``age -d`` takes the second part, ``ssh-keygen -Y verify`` the third.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AwareDatetime, Field, ValidationError

from rempart.policy.base import Model
from rempart.policy.value import Label
from rempart.vault.error import DamagedError, VaultError
from rempart.vault.recipient import Recipient
from rempart.vault.signature import verify

MAGIC = "rempart vault 1"
MAX_BYTES = 16 * 1024 * 1024
FORM = re.compile(
    rf"(?P<signed>{MAGIC}\n(?P<header>\{{[^\n]*\}})\n"
    r"(?P<ciphertext>-----BEGIN AGE ENCRYPTED FILE-----\n[A-Za-z0-9+/=\n]+"
    r"-----END AGE ENCRYPTED FILE-----\n))"
    r"(?P<signature>-----BEGIN SSH SIGNATURE-----\n[^-]*-----END SSH SIGNATURE-----\n)"
)

VaultId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Counter = Annotated[int, Field(ge=1, lt=2**53)]


class Header(Model):
    """What everybody may know of a vault, and what each version of it must get right."""

    id: VaultId
    practice: Label
    counter: Counter
    saved_at: AwareDatetime
    recipients: tuple[Recipient, ...]

    def line(self) -> str:
        """Return the header as it stands in the file: there is one way to write it."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))

    def digest(self) -> str:
        """Return what ties the ciphertext, which holds it, to this header."""
        return hashlib.sha256(self.line().encode()).hexdigest()


@dataclass(frozen=True)
class Envelope:
    """A vault's file, whole and signed, though it is not said yet whether by the right person."""

    header: Header
    ciphertext: str
    signer: str
    """The key that signed, ``ssh-ed25519 AAAA…``."""
    digest: str
    """SHA-256 of the whole file."""


def signed_part(header: Header, ciphertext: str) -> str:
    """Return the part of the file that its signature covers: everything before it."""
    return f"{MAGIC}\n{header.line()}\n{ciphertext}"


def unpack(raw: bytes) -> Envelope:
    """Return what a vault's file holds, its signature checked.

    Raises:
        DamagedError: any byte is not as it was signed.
        VaultError: a newer rempart wrote it.
    """
    text = raw.decode("ascii", "replace")
    if len(raw) <= MAX_BYTES and re.match(r"rempart vault [2-9][0-9]*\n", text):
        raise VaultError("was written by a newer rempart; install that version")
    match = FORM.fullmatch(text) if len(raw) <= MAX_BYTES else None
    if not match:
        raise DamagedError("is no vault, or not a whole one")
    signer = verify(match["signed"].encode(), match["signature"])
    try:
        header = Header.model_validate_json(match["header"], strict=True)
    except ValidationError:
        raise DamagedError("has a header that is none") from None
    if header.line() != match["header"]:
        raise DamagedError("has a header that is not in its one form")
    return Envelope(header, match["ciphertext"], signer, hashlib.sha256(raw).hexdigest())
