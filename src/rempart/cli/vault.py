"""``rempart vault``: a practice's backup passwords and keys, who can read them, who no longer."""

from __future__ import annotations

import datetime
import getpass
import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from rempart.cli.common import AsJson, Inventory
from rempart.cli.vaultview import (
    described_entry,
    described_vault,
    print_json,
    revealed,
    show_entry,
    show_recipients,
    show_rekey,
    show_vault,
)
from rempart.policy import Policy, load
from rempart.policy.key import age_key
from rempart.vault import IdentityError, Vault, VaultError, default_memory, load_identities
from rempart.vault.make import new_generation, new_offline_key
from rempart.vault.memory import seen_of
from rempart.vault.recipient import Recipient, check_recipients, key_id, keyless, technicians
from rempart.vault.rekey import Rekey, rekeyed, to_do
from rempart.vault.seal import read
from rempart.vault.trust import judge_practice
from rempart.vault.vault import about, refuse_another, vault_path

vault = typer.Typer(
    name="vault",
    help="The secrets of a practice's backups: one encrypted file beside the inventory, which its"
    " technicians and at least one key on paper can read. Its versions are signed and counted.",
    epilog="A technician leaves: rempart people leave LOGIN FILE --now, then"
    " rempart vault rekey FILE --remove LOGIN. Exit codes: 0 fine, 2 something is left to do"
    " (show), 1 an error.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

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


@vault.command()
def init(
    inventory: Inventory,
    offline: Offline = None,
    identity: Identities = None,
    yes: Yes = False,
    json: AsJson = False,
) -> None:
    """Make a practice's vault, empty, for technicians and a paper.

    Compare the keys that it shows with their owners: whoever is listed reads everything.
    """
    policy, today = load(inventory), datetime.date.today()
    memory = default_memory()
    refuse_another(policy, memory)
    papers = _Papers(offline or [])
    recipients = (*technicians(policy, today), *papers.recipients)
    check_recipients(recipients)
    identities = load_identities(identity or [], ask)
    if not json:
        show_recipients("The vault opens for", recipients, keyless(policy, today))
    _confirm("Make it for these?", yes=yes, json=json)
    papers.show(yes=yes)
    made = Vault.new(policy, identities, recipients, right_now(), memory)
    if json:
        print_json(described_vault(made, []))
    else:
        typer.echo(f"{vault_path(policy)}: made; keep it in your repository, beside the inventory")


@vault.command()
def show(
    inventory: Inventory,
    host: Annotated[str | None, typer.Argument(help="A host's name.")] = None,
    target: Annotated[str | None, typer.Argument(help="Name of a backup target.")] = None,
    secret: Annotated[
        bool,
        typer.Option(
            "--secret",
            help="Print the repository's password; with --json the private keys too. To a terminal"
            " or a pipe, not to a file.",
        ),
    ] = False,
    identity: Identities = None,
    json: AsJson = False,
) -> None:
    """Show who reads it, what it holds, what is left to do.

    No secret without --secret. Exit code 2 when something is left to do.
    """
    if (host is None) != (target is None) or (secret and host is None):
        raise VaultError("vault show: name both, HOST and TARGET")
    policy, today = load(inventory), datetime.date.today()
    found = open_vault(policy, identity)
    if host is not None and target is not None:
        entry = found.content.entry(host.removeprefix(f"{policy.practice.name}/"), target)
        if secret:
            _refuse_files()
        if json:
            print_json(revealed(entry) if secret else described_entry(entry))
        elif secret:
            typer.echo(found.secret(entry.host, target).password.get_secret_value())
        else:
            show_entry(entry)
        return
    left = to_do(found.header.recipients, found.content, technicians(policy, today))
    if json:
        print_json(described_vault(found, left))
    else:
        show_vault(found, left, keyless(policy, today))
    raise typer.Exit(2 if left else 0)


@vault.command()
def rekey(
    inventory: Inventory,
    remove: Annotated[
        list[str] | None,
        typer.Option(
            "--remove",
            metavar="NAME",
            help="A login, an offline key's name, or a key (SHA256:… or age1…) whose knowledge must"
            " become worthless; may be given again.",
        ),
    ] = None,
    host: Annotated[
        list[str] | None,
        typer.Option(
            "--host",
            metavar="HOST",
            help="A host on which somebody else was root: it gets new secrets; may be given again.",
        ),
    ] = None,
    offline: Offline = None,
    identity: Identities = None,
    yes: Yes = False,
    json: AsJson = False,
) -> None:
    """Encrypt it anew for the technicians of today; show that, ask.

    With --remove, everything that NAME could ever read gets new secrets, which wait until the hosts
    have them (rempart backup init); what cannot be taken back from here is named.
    """
    policy, today = load(inventory), datetime.date.today()
    found = open_vault(policy, identity)
    papers = _Papers(offline or [])
    present, now = technicians(policy, today), right_now()
    change = rekeyed(
        found.header.recipients,
        found.content,
        present,
        papers.recipients,
        remove or [],
        lambda: new_generation(now),
        host or [],
    )
    if not json:
        show_rekey(change, keyless(policy, today))
    saved = _save(found, change, papers, now, yes=yes, json=json)
    left = to_do(saved.header.recipients, saved.content, present)
    if json:
        changed = {"changed": change.is_needed, "remaining": change.remaining}
        changed["rotated"] = [{"host": host, "target": target} for host, target in change.rotated]
        print_json(described_vault(saved, left) | changed)
        return
    for line in (*(f"not taken back: {line}" for line in change.remaining), *left):
        typer.echo(line)


@vault.command()
def trust(inventory: Inventory, yes: Yes = False, json: AsJson = False) -> None:
    """Take it as it is, after comparing its signer's key with them.

    Needed once on a new controller, or when somebody signs for the first time. Whoever can write
    your repository can put any file there: the comparison is what keeps theirs out.
    """
    policy, memory = load(inventory), default_memory()
    path, practice = vault_path(policy), policy.practice.name
    with about(path):
        found = read(path)
        judge_practice(found, practice)
    known = memory.recall(practice)
    if not json:
        names = technicians(policy, datetime.date.today())
        signer = next((each.name for each in names if each.key == found.signer), "NOBODY present")
        typer.echo(f"version {found.header.counter} of {found.header.id}, {path}")
        typer.echo(f"seen here: {f'version {known.counter} of {known.id}' if known else 'none'}")
        typer.echo(f"signed by {signer}, {key_id(found.signer)}")
        show_recipients("It opens for", found.header.recipients, ())
    _confirm("Did you compare the signer's fingerprint, and take this version?", yes=yes, json=json)
    memory.remember(practice, seen_of(found), anew=True)
    if json:
        print_json({"vault": str(path), "version": found.header.counter, "signer": found.signer})


class _Papers:
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
        return Recipient(name=name, kind="offline", key=age_key(key))
    except ValueError as error:  # pydantic's own, too; neither shows the value
        what = "is no age public key" if "key" in str(error) else "must be a name in lower case"
        raise VaultError(f"--offline: {what}; write NAME or NAME=age1…") from None


def _save(
    found: Vault, change: Rekey, papers: _Papers, now: datetime.datetime, *, yes: bool, json: bool
) -> Vault:
    if not change.is_needed:
        return found
    _confirm("Save it so?", yes=yes, json=json)
    papers.show(yes=yes)
    return found.save(change.content, now, change.recipients)


def _confirm(question: str, *, yes: bool, json: bool) -> None:
    if json and not yes:
        raise VaultError("vault: --json cannot ask; add --yes")
    if not yes:
        typer.confirm(question, abort=True)


def ask(question: str) -> str:
    """Ask for a key's passphrase on the terminal; IdentityError when there is none."""
    if not sys.stdin.isatty():
        raise IdentityError(f"{question}there is no terminal to ask on; run it on one")
    return getpass.getpass(question)


def _refuse_files() -> None:
    """Keep a secret from lying about: whoever wants it in a file has to pipe it there."""
    if stat.S_ISREG(os.fstat(sys.stdout.fileno()).st_mode):
        raise VaultError("vault show: --secret does not write to a file; use a terminal or a pipe")


def open_vault(policy: Policy, identity: list[Path] | None) -> Vault:
    """Return the practice's vault, opened with these private keys, or the usual one."""
    keys = load_identities(identity or [], ask)
    return Vault.open(policy, keys, datetime.date.today(), default_memory())


def right_now() -> datetime.datetime:
    """Return the moment that a vault is stamped with, in whole seconds."""
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0)
