"""Whether a vault is taken: pure, one refusal per attack of who can write the repository.

A signature alone says nothing: whoever can write the repository can write himself into the policy.
So the signer must stand in the policy AND in the last version that this controller took.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from rempart.vault.envelope import Envelope
from rempart.vault.error import DistrustedError, RollbackError
from rempart.vault.memory import Seen
from rempart.vault.recipient import key_id

COMPARE = "compare the signer's fingerprint with them, then say 'rempart vault trust'"


def judge(
    found: Envelope,
    practice: str,
    seen: Seen | None,
    may_sign: Mapping[str, str],
    own: Collection[str],
) -> None:
    """Return when a vault may be used; else raise why not, and what to do.

    Args:
        found: the file, its signature checked.
        practice: whose vault it should be.
        seen: what this controller took last.
        may_sign: technicians present in the policy, name by key.
        own: public keys of the private keys at hand. What they signed, this person signed.

    Raises:
        DistrustedError: it is another practice's or another vault, or its signer is unknown here.
        RollbackError: this controller has seen a newer one, or another one of that number.
    """
    judge_practice(found, practice)
    if seen:
        _judge_version(found, seen)
        if found.digest == seen.digest:
            return  # taken before, while its signer was there
    who = key_id(found.signer)
    if found.signer not in may_sign:
        raise DistrustedError(
            f"is signed with {who}, no key of a technician who is present; take the last version"
            " before that, or have a technician check who that was and say 'rempart vault trust'"
        )
    if found.signer in own:
        return
    name = may_sign[found.signer]
    if seen is None:
        raise DistrustedError(f"is new to this controller, signed by {name} ({who}); {COMPARE}")
    if found.signer not in seen.signers:
        raise DistrustedError(
            f"is signed by {name} ({who}), who did not sign for it when it was last seen here"
            f" (version {seen.counter}); {COMPARE}"
        )


def judge_practice(found: Envelope, practice: str) -> None:
    """Return when the vault is that practice's; `DistrustedError` else, whoever signed it."""
    if found.header.practice != practice:
        raise DistrustedError(
            f"is the vault of {found.header.practice}, not of {practice}; put the right file back"
        )


def _judge_version(found: Envelope, seen: Seen) -> None:
    header = found.header
    if header.id != seen.id:
        raise DistrustedError(
            f"is another vault than the one known here (got {header.id}, expected {seen.id});"
            " get the right file from your repository, or say 'rempart vault trust' if it was made"
            " anew on purpose"
        )
    if header.counter < seen.counter:
        raise RollbackError(
            f"is older than what was seen here (got version {header.counter}, seen"
            f" {seen.counter}); get the newest file from your repository"
        )
    if header.counter == seen.counter and found.digest != seen.digest:
        raise RollbackError(
            f"is another version {header.counter} than the one seen here: two people saved at the"
            " same time, or one version is kept back; keep the one that stays in your repository,"
            " say 'rempart vault trust', and make the other's change again"
        )
