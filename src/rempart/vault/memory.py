"""What this controller has seen of a practice's vault: the newest version, and who signs next.

The vault lies in the same repository as the policy, so nothing there can vouch for it. This does:
``$XDG_STATE_HOME/rempart/vaults/<practice>.json``, which is in no repository.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from rempart.policy.base import Model
from rempart.vault.envelope import Counter, Envelope, VaultId
from rempart.vault.error import VaultError
from rempart.vault.file import locked, replace
from rempart.vault.recipient import Recipient, signers


class Seen(Model):
    """The newest version that was accepted here."""

    id: VaultId
    counter: Counter
    digest: str
    recipients: tuple[Recipient, ...]

    @property
    def signers(self) -> dict[str, str]:
        """Whose signature of the next version counts: the name of each by key."""
        return signers(self.recipients)


def seen_of(envelope: Envelope) -> Seen:
    """Return what to remember of a version."""
    header = envelope.header
    return Seen(
        id=header.id,
        counter=header.counter,
        digest=envelope.digest,
        recipients=header.recipients,
    )


@dataclass(frozen=True)
class Memory:
    """The controller's memory, one file per practice."""

    folder: Path

    def recall(self, practice: str) -> Seen | None:
        """Return what is remembered, None when nothing ever was.

        Raises:
            VaultError: the file is damaged. That must not read as "nothing".
        """
        path = self.path(practice)
        try:
            return Seen.model_validate_json(path.read_bytes(), strict=True)
        except FileNotFoundError:
            return None
        except (OSError, ValidationError):
            raise VaultError(
                f"{path}: cannot be read; put it back from a copy, or remove it, compare the"
                " vault's signer and say 'rempart vault trust'"
            ) from None

    def remember(self, practice: str, seen: Seen, *, anew: bool = False) -> None:
        """Keep a version; an older one of the same vault never takes a newer one's place.

        ``anew`` is a person's decision to begin again with this one.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise VaultError(f"{self.folder}: cannot be made: {error.strerror}") from None
        with locked(self.folder):
            known = self.recall(practice)
            if known and known.id == seen.id and known.counter >= seen.counter and not anew:
                return
            replace(self.path(practice), seen.model_dump_json().encode())

    def path(self, practice: str) -> Path:
        """Return the file of a practice."""
        return self.folder / f"{practice}.json"


def default_memory(environment: Mapping[str, str] = os.environ) -> Memory:
    """Return the memory where the XDG Base Directory Specification (0.8) has state files."""
    # "If an implementation encounters a relative path […] it should […] ignore it."
    state = Path(environment.get("XDG_STATE_HOME", ""))
    base = state if state.is_absolute() else Path("~/.local/state").expanduser()
    return Memory(base / "rempart" / "vaults")
