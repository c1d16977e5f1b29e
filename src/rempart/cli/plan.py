"""``rempart plan``: what would change."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from rempart.cli.common import AsJson, Hosts, Inventory, gathered, selected
from rempart.cli.view import show_plan
from rempart.engine.journal import policy_digest
from rempart.engine.plan import Plan, make_plan
from rempart.errors import RempartError
from rempart.policy import Policy, load

Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="Keep the plan in this file, for apply.")
]


def plan(
    inventory: Inventory, host: Hosts = None, output: Output = None, json: AsJson = False
) -> None:
    """Show what would change on each host, as diffs; nothing is changed.

    One SSH command per host. Exit code 0: nothing to change, 2: changes, 1: a host could not be
    planned.
    """
    policy = load(inventory)
    made = observe(policy, selected(policy, host), quiet=json)
    if output:
        _keep(output, made)
    if json:
        typer.echo(made.to_json(), nl=False)
    else:
        show_plan(Console(), made.hosts)
    raise typer.Exit(made.exit_code)


def _keep(output: Path, made: Plan) -> None:
    try:
        output.write_text(made.to_json(), encoding="utf-8")
    except OSError as error:
        raise RempartError(
            f"plan: --output: cannot be written (got {output}: {error.strerror}); name another file"
        ) from None


def observe(policy: Policy, names: Sequence[str], *, quiet: bool) -> Plan:
    """Return the plan of the named hosts, with a progress bar while they are observed."""
    today = datetime.date.today()
    hosts = gathered(
        "Planning", len(names), lambda steps: make_plan(policy, names, today), quiet=quiet
    )
    return Plan(str(policy.path), policy_digest(policy), tuple(hosts))
