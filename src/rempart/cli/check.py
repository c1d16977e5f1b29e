"""`rempart check` and `rempart schema`: what is wrong in policy files, and what may stand there."""

from __future__ import annotations

import dataclasses
import datetime
import json as jsonlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from rempart.policy import Mistake, Policy, find_mistakes
from rempart.policy.json_schema import schema as schema_of
from rempart.policy.source import read_source


def check(
    inventories: Annotated[list[Path], typer.Argument(help="Practice files (YAML).")],
    json: Annotated[bool, typer.Option("--json", help="Print the mistakes as JSON.")] = False,
) -> None:
    """Say all mistakes of practice files at once; exit code 1 when there are any."""
    policies, mistakes = examine(inventories, datetime.date.today())
    if json:
        listed = [dataclasses.asdict(mistake) for mistake in mistakes]
        typer.echo(jsonlib.dumps({"ok": not mistakes, "mistakes": listed}, ensure_ascii=False))
    else:
        for mistake in mistakes:
            typer.echo(mistake, err=True)
        for path, policy in policies.items():
            typer.echo(f"{path}: {_summary(policy)}: no mistakes")
    if mistakes:
        raise typer.Exit(1)


def schema(
    provider: Annotated[
        bool, typer.Option("--provider", help="The provider's file, not a practice's.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="JSON is what it prints anyway.")] = False,
) -> None:
    """Print the JSON Schema of a practice's YAML file, for editors."""
    typer.echo(jsonlib.dumps(schema_of(provider=provider), indent=2, ensure_ascii=False))


def examine(
    inventories: Sequence[Path], today: datetime.date
) -> tuple[dict[Path, Policy], list[Mistake]]:
    """Return the policies without mistakes by file, and all mistakes of all files.

    Two practices of one name are a mistake: their hosts would have the same names everywhere.
    """
    policies: dict[Path, Policy] = {}
    mistakes: dict[Mistake, None] = {}  # a provider's mistakes count once, not once per practice
    for path in dict.fromkeys(inventories):
        policy, found = find_mistakes(path, today)
        name = policy.practice.name if policy else None
        other = next((p for p, known in policies.items() if known.practice.name == name), None)
        if other:
            what = f"is also the name of the practice in {other}"
            source = read_source(path)
            found = [*found, source.mistake(("practice", "name"), what, name, "rename one")]
        mistakes |= dict.fromkeys(found)
        if policy and not found:
            policies[path] = policy
    return policies, list(mistakes)


def _summary(policy: Policy) -> str:
    parts = {"host": len(policy.hosts), "person": len(policy.people)}
    plural = {"host": "hosts", "person": "people"}
    return ", ".join(f"{n} {word if n == 1 else plural[word]}" for word, n in parts.items())
