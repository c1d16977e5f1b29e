"""From a content to the bytes of its file, and back."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pyrage
from pydantic import ValidationError

from rempart.vault.content import REVEAL, Content
from rempart.vault.envelope import MAX_BYTES, Envelope, Header, signed_part, unpack
from rempart.vault.error import DamagedError, IdentityError, VaultError
from rempart.vault.identity import Identity
from rempart.vault.recipient import Recipient
from rempart.vault.signature import sign


def sealed(header: Header, content: Content, signing: Identity) -> bytes:
    """Return a vault's file: the content for the header's recipients alone, and signed."""
    if signing.signing is None:
        raise IdentityError("is signed with SSH keys alone")
    plain = content.model_copy(update={"header": header.digest()})
    ciphertext = pyrage.encrypt(
        plain.model_dump_json(context=REVEAL).encode(),
        [_age_recipient(each) for each in header.recipients],
        armored=True,
    ).decode()
    signed = signed_part(header, ciphertext)
    raw = (signed + sign(signed.encode(), signing.signing)).encode()
    if len(raw) > MAX_BYTES:
        raise VaultError("would be over 16 MiB; remove what is frozen")
    return raw


def opened(envelope: Envelope, identities: Collection[Identity]) -> Content:
    """Return what a vault's file encrypts.

    Raises:
        IdentityError: it is not for any of these private keys.
        DamagedError: what is inside does not belong to the header, or is no content.
    """
    recipients = {each.key: each for each in envelope.header.recipients}
    mine = [each.age for each in identities if each.key in recipients]
    if not mine:
        names = ", ".join(str(each) for each in recipients.values())
        raise IdentityError(f"is not for the private keys at hand but for {names}; see --identity")
    try:
        plain = pyrage.decrypt(envelope.ciphertext.encode(), mine)
        content = Content.model_validate_json(plain, strict=True)
    except (pyrage.DecryptError, ValidationError):
        raise DamagedError("holds something that cannot be read") from None
    if content.header != envelope.header.digest():
        raise DamagedError("holds a content that is not of this version")
    return content


def read(path: Path) -> Envelope:
    """Return the vault's file, its signature checked; `VaultError` when there is none."""
    try:
        if path.exists() and not path.is_file():  # opening a FIFO would wait for ever
            raise VaultError("is not a file")
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise VaultError("is not there; 'rempart vault init' makes it") from None
    except OSError as error:
        raise VaultError(f"cannot be read: {error.strerror}") from None
    return unpack(raw)


def _age_recipient(recipient: Recipient) -> pyrage.x25519.Recipient | pyrage.ssh.Recipient:
    kind = pyrage.x25519 if recipient.key.startswith("age1") else pyrage.ssh
    return kind.Recipient.from_str(recipient.key)
