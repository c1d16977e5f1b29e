"""What ``rempart vault`` prints: metadata; a secret only by `revealed`."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rempart.vault import Entry, Recipient, Vault
from rempart.vault.content import REVEAL
from rempart.vault.recipient import key_id
from rempart.vault.rekey import Rekey
from rempart.vault.vault import vault_path

SECRETS = {"password", "private_key"}


def described_vault(vault: Vault, left: Sequence[str]) -> dict[str, Any]:
    """Return the metadata of a vault as plain data, and what is left to do about it."""
    header = vault.header.model_dump(mode="json")
    return {
        "vault": str(vault_path(vault.policy)),
        "version": header.pop("counter"),
        **header,
        "signer": key_id(vault.signer),
        "secrets": [described_entry(entry) for entry in vault.content.entries],
        "to_do": list(left),
    }


def described_entry(entry: Entry) -> dict[str, Any]:
    """Return what is known of a host's secrets for a target, without them."""
    return entry.model_dump(mode="json", exclude={"generations": {"__all__": SECRETS}})


def revealed(entry: Entry) -> dict[str, Any]:
    """Return an entry with its secrets, for who asked for them."""
    return entry.model_dump(mode="json", context=REVEAL)


def show_vault(vault: Vault, left: Sequence[str], keyless: Sequence[str]) -> None:
    """Print the metadata of a vault."""
    header, now = vault.header, datetime.datetime.now(datetime.UTC)
    signer = next((r.name for r in header.recipients if r.key == vault.signer), "somebody")
    saved = header.saved_at.astimezone().strftime("%Y-%m-%d %H:%M")
    typer.echo(f"version {header.counter} of {saved}, signed by {signer} ({key_id(vault.signer)})")
    show_recipients("Opens for", header.recipients, keyless)
    rows = [
        (entry.host, entry.target, each.state, f"{(now - each.made_at).days} d", each.repository)
        for entry in vault.content.entries
        for each in entry.generations
    ]
    show_table(("host", "target", "state", "age", "repository"), rows)
    for line in left:
        typer.echo(line)


def show_entry(entry: Entry) -> None:
    """Print what is known of a host's secrets for a target, and who could read them."""
    for each in entry.generations:
        typer.echo(f"{each.state}, made {_day(each.made_at)}, repository {each.repository or '-'}")
        typer.echo(f"  key {each.public_key}")
        for reader in each.readers:
            until = f" until {_day(reader.until)}" if reader.until else ""
            typer.echo(f"  {reader.name} since {_day(reader.since)}{until} ({reader.id})")


def show_rekey(change: Rekey, keyless: Sequence[str]) -> None:
    """Print what a rekey is going to change."""
    if not change.is_needed:
        typer.echo("Everybody who shall read it does, and nobody else: nothing to change")
    if change.added:
        show_recipients("Reads everything from now on", change.added, keyless)
    if change.dropped:
        show_recipients("Reads no later version", change.dropped, ())
    for host, target in change.rotated:
        typer.echo(f"{host}: {target}: new password, key and repository")


def show_recipients(title: str, recipients: Sequence[Recipient], keyless: Sequence[str]) -> None:
    """Print keys with their owners, for people to compare."""
    typer.echo(f"{title}:")
    for each in recipients:
        typer.echo(f"  {each}")
    for login in keyless:
        typer.echo(f"  not {login}: no SSH key of type ssh-ed25519 and no age key in the policy")


def print_json(document: dict[str, Any]) -> None:
    """Print plain data."""
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str | None]]) -> None:
    """Print rows below their columns' names."""
    console = Console()
    console.width = console.width if console.is_terminal else 200
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell or "") for cell in row))
    console.print(table)


def _day(moment: datetime.datetime) -> str:
    return moment.astimezone().date().isoformat()
