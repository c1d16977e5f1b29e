"""What ``rempart vault`` asks a person for: private keys, keys for paper, a yes.

Promise: a passphrase is read from the terminal, and a new key's private half written to it, and
nowhere else.
"""

from __future__ import annotations

import datetime
import getpass
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from pydantic_core import PydanticCustomError

from rempart.policy import Policy
from rempart.policy.key import age_key
from rempart.vault import IdentityError, Vault, VaultError, default_memory, load_identities
from rempart.vault.make import new_offline_key
from rempart.vault.recipient import Recipient, recipient_name

Identities = Annotated[
    list[Path] | None,
    typer.Option(
        "--identity",
        metavar="FILE",
        help="Your private key: SSH (ed25519) or age identity file, ~/.ssh/id_ed25519 without it;"
        " may be given again. A passphrase is asked for.",
    ),
]
Offline = Annotated[
    list[str] | None,
    typer.Option(
        "--offline",
        metavar="NAME[=age1…]",
        help="A key kept on paper. Without a public key one is made, and its private half shown"
        " once, on the terminal alone.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


class Papers:
    """Offline keys that the command line names; those without a public key are made."""

    def __init__(self, given: Sequence[str]) -> None:
        self._private = {}
        recipients = []
        for text in given:
            name, _, key = text.partition("=")
            if not key:
                key, self._private[name] = new_offline_key()
            recipients.append(_offline(name, key))
        self.recipients = tuple(recipients)

    def show(self, *, yes: bool) -> None:
        """Show the private halves on the terminal, once; `VaultError` when there is none."""
        for name, private in self._private.items():
            text = f"\n  Offline key {name}. Write it down; it is shown now and never again:\n\n"
            try:
                # Not stdout: that may be a file, or a log.
                with Path("/dev/tty").open("w") as terminal:
                    terminal.write(f"{text}  {private.get_secret_value()}\n\n")
            except OSError:
                raise VaultError(
                    f"offline key {name}: there is no terminal to show it on; make one elsewhere"
                    f" (age-keygen) and give --offline {name}=age1…"
                ) from None
            if not yes:
                typer.confirm("Is it written down, and compared?", abort=True, err=True)


def _offline(name: str, key: str) -> Recipient:
    try:
        return Recipient(name=recipient_name(name), kind="offline", key=age_key(key))
    except PydanticCustomError as error:  # its message never has the value
        hint = (error.context or {})["hint"]
        raise VaultError(f"--offline NAME=age1…: {error}; {hint}") from None


def ask(question: str) -> str:
    """Ask for a key's passphrase on the terminal; IdentityError when there is none."""
    if not sys.stdin.isatty():
        raise IdentityError(f"{question}there is no terminal to ask on; run it on one")
    return getpass.getpass(question)


def confirm(question: str, *, yes: bool, json: bool) -> None:
    """Go on only when a person says so, or has said so with --yes."""
    if json and not yes:
        raise VaultError("vault: --json cannot ask; add --yes")
    if not yes:
        typer.confirm(question, abort=True)


def refuse_others_than_a_terminal() -> None:
    """Keep a secret from lying about: what is piped or redirected ends in files and logs."""
    if not sys.stdout.isatty():
        raise VaultError(
            "vault show: prints a secret on a terminal alone; run it on one, without a pipe or '>'"
        )


def open_vault(policy: Policy, identity: list[Path] | None) -> Vault:
    """Return the practice's vault, opened with these private keys, or the usual one."""
    keys = load_identities(identity or [], ask)
    return Vault.open(policy, keys, datetime.date.today(), default_memory())


def right_now() -> datetime.datetime:
    """Return the moment that a vault is stamped with, in whole seconds."""
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0)
