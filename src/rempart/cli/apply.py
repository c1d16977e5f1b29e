"""``rempart apply``: carry a plan out."""

from __future__ import annotations

import dataclasses
import datetime
import json as jsonlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from rempart.cli.common import AsJson, Hosts, gathered, selected
from rempart.cli.plan import observe
from rempart.cli.view import show_plan, show_results
from rempart.engine.apply import HostResult
from rempart.engine.apply import apply as apply_plan
from rempart.engine.guard import WINDOW_S
from rempart.engine.journal import policy_digest
from rempart.engine.plan import Plan, read_plan
from rempart.errors import RempartError
from rempart.policy import Policy, load

What = Annotated[
    Path, typer.Argument(help="A plan file (.json) made by `plan -o`, or a practice's YAML file.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; for a YAML file.")]
Window = Annotated[
    int,
    typer.Option(
        "--window", min=5, max=600, help="Seconds until an unconfirmed host undoes the change."
    ),
]


def apply(
    what: What,
    host: Hosts = None,
    yes: Yes = False,
    window: Window = WINDOW_S,
    json: AsJson = False,
) -> None:
    """Make the planned changes; risky ones are proven by a new login or undone by the host itself.

    With a plan file only that plan is carried out, and a host that has changed since is refused.
    With a YAML file the plan is made, shown, and carried out after a yes. Exit code 1 when a host
    failed.
    """
    plan, policy = _plan(what, host, quiet=json)
    names = selected(policy, host) if host else None
    told: set[str] = set()
    if _is_policy(what) and not json:
        show_plan(Console(), plan.hosts)
        told = {text for each in plan.hosts for text in (each.error, *each.notes)}
    if _is_policy(what) and any(each.changes for each in plan.hosts) and not yes:
        if json:
            raise RempartError("apply: --json cannot ask; add --yes, or give a plan file")
        typer.confirm("Make these changes?", abort=True)
    results = carry_out(plan, policy, window, names, quiet=json)
    if json:
        typer.echo(jsonlib.dumps([dataclasses.asdict(each) for each in results], indent=2))
    else:
        show_results(Console(), results, told)
    raise typer.Exit(1 if any(each.error for each in results) else 0)


def _is_policy(what: Path) -> bool:
    return what.suffix in {".yaml", ".yml"}


def _plan(what: Path, hosts: Sequence[str] | None, *, quiet: bool) -> tuple[Plan, Policy]:
    """Return the plan to carry out, read or made now, and its policy."""
    if _is_policy(what):
        policy = load(what)
        return observe(policy, selected(policy, hosts), quiet=quiet), policy
    plan = read_plan(what)
    policy = load(Path(plan.inventory))
    if policy_digest(policy) != plan.policy_digest:
        raise RempartError(
            f"{what}: {plan.inventory} has changed since; nothing was done; plan again"
        )
    return plan, policy


def carry_out(
    plan: Plan,
    policy: Policy,
    window_s: int,
    names: Sequence[str] | None = None,
    *,
    quiet: bool,
) -> list[HostResult]:
    """Apply a plan to the named hosts, all of its own by default, with a progress bar."""
    names = names or [each.host.partition("/")[2] for each in plan.hosts]
    planned = {each.host: each for each in plan.hosts}
    today = datetime.date.today()
    return gathered(
        "Applying",
        len(names),
        lambda steps: apply_plan(policy, names, today, planned, window_s, steps.at),
        quiet=quiet,
    )
