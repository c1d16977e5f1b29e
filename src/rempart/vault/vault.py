"""A practice's vault: opened only when it is trusted, saved only as its next version."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from rempart.policy import Policy
from rempart.vault import file
from rempart.vault.content import Content, Generation, stamped
from rempart.vault.envelope import Header, unpack
from rempart.vault.error import IdentityError, VaultError
from rempart.vault.identity import Identity
from rempart.vault.make import new_id
from rempart.vault.memory import Memory, seen_of
from rempart.vault.recipient import Recipient, check_recipients, signers, technicians
from rempart.vault.seal import opened, read, sealed
from rempart.vault.trust import judge


def vault_path(policy: Policy) -> Path:
    """Return the file of a practice's vault, beside its inventory: ``cabinet.vault``."""
    return policy.path.with_suffix(".vault")


@dataclass(frozen=True)
class Vault:
    """One version of a vault, and what it takes to save the next one."""

    policy: Policy = field(repr=False)
    identities: tuple[Identity, ...] = field(repr=False)
    memory: Memory = field(repr=False)
    header: Header
    content: Content = field(default=Content(), repr=False)
    signer: str = ""
    """The key that signed this version."""
    digest: str = ""
    """SHA-256 of the file; empty before the first save."""

    @classmethod
    def open(
        cls,
        policy: Policy,
        identities: Sequence[Identity],
        today: datetime.date,
        memory: Memory,
    ) -> Vault:
        """Return the practice's vault, decrypted, and remember its version.

        Raises:
            VaultError: there is none; its children say why one that is there is refused:
            DamagedError, DistrustedError, RollbackError, IdentityError.
        """
        path, practice = vault_path(policy), policy.practice.name
        with about(path):
            found = read(path)
            own = {each.key for each in identities}
            may_sign = signers(technicians(policy, today))
            judge(found, practice, memory.recall(practice), may_sign, own)
            content = opened(found, identities)
        memory.remember(practice, seen_of(found))
        opener = cls(policy, tuple(identities), memory, found.header)
        return replace(opener, content=content, signer=found.signer, digest=found.digest)

    @classmethod
    def new(
        cls,
        policy: Policy,
        identities: Sequence[Identity],
        recipients: Sequence[Recipient],
        now: datetime.datetime,
        memory: Memory,
    ) -> Vault:
        """Save an empty vault and return it; `VaultError` when the practice has or had one."""
        refuse_another(policy, memory)
        practice = policy.practice.name
        header = Header(id=new_id(), practice=practice, counter=1, saved_at=now, recipients=())
        return cls(policy, tuple(identities), memory, header)._write(Content(), recipients, 1, now)

    def secret(self, host: str, target: str) -> Generation:
        """Return the secrets that a host has for a target; `VaultError` when there are none."""
        return self.content.entry(host, target).in_state("current")[0]

    def save(
        self,
        content: Content,
        now: datetime.datetime,
        recipients: Sequence[Recipient] | None = None,
    ) -> Vault:
        """Save the content as the next version and return that; the file is the old or the new one.

        The recipients stay, whatever the policy says by now, unless new ones are given: nobody
        becomes one by writing himself into the policy.

        Raises:
            VaultError: somebody who has left would read it; the file has changed since it was
                opened; nobody at hand may sign.
        """
        if recipients is None:
            self._refuse_leavers(_day(now))
            recipients = self.header.recipients
        return self._write(content, recipients, self.header.counter + 1, now)

    def _refuse_leavers(self, today: datetime.date) -> None:
        present = technicians(self.policy, today)
        recipients = self.header.recipients
        gone = [r for r in recipients if r.kind == "technician" and r not in present]
        if gone:
            raise VaultError(
                f"{vault_path(self.policy)}: would still open for {', '.join(map(str, gone))}, whom"
                " the policy no longer has; first say 'rempart vault rekey --remove NAME'"
            )

    def _write(
        self,
        content: Content,
        recipients: Sequence[Recipient],
        counter: int,
        now: datetime.datetime,
    ) -> Vault:
        path = vault_path(self.policy)
        check_recipients(recipients)
        news = {"counter": counter, "saved_at": now, "recipients": tuple(recipients)}
        header = self.header.model_copy(update=news)
        content = stamped(content, recipients, now)
        with about(path), file.locked(path.parent):
            raw = sealed(header, content, self._signing(recipients, _day(now)))
            found = unpack(raw)
            content = opened(found, self.identities)  # what would not open again is never written
            if _digest(path) != self.digest:
                raise VaultError("has changed meanwhile; open it again and repeat what you did")
            file.replace(path, raw)
        # Only now: remembered before, a power cut in between would make the old file a rollback.
        self.memory.remember(self.policy.practice.name, seen_of(found))
        return replace(
            self, header=header, content=content, signer=found.signer, digest=found.digest
        )

    def _signing(self, recipients: Sequence[Recipient], today: datetime.date) -> Identity:
        may_sign = signers(technicians(self.policy, today)).keys() & signers(recipients).keys()
        for identity in self.identities:
            if identity.key in may_sign and identity.signing:
                return identity
        raise IdentityError(
            "no private key at hand may sign it; give --identity with the SSH key (ed25519) of a"
            " technician who is present in the policy"
        )


def refuse_another(policy: Policy, memory: Memory) -> None:
    """Raise `VaultError` when a practice has a vault, or had one: that is how one is pushed out."""
    path, practice = vault_path(policy), policy.practice.name
    if path.exists():
        raise VaultError(f"{path}: is there already; see 'rempart vault show'")
    if memory.recall(practice):
        raise VaultError(
            f"{path}: is gone, and was seen here; get it back from your repository, or remove"
            f" {memory.path(practice)} if the vault of {practice} shall be forgotten"
        )


@contextmanager
def about(path: Path) -> Iterator[None]:
    """Put the vault's file in front of what is said to be wrong with it."""
    try:
        yield
    except VaultError as error:
        if str(error).startswith("/"):  # it names a file by itself
            raise
        raise type(error)(f"{path}: {error}") from None


def _day(now: datetime.datetime) -> datetime.date:
    return now.astimezone().date()


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return ""
