"""``rempart release``: leave hosts, as they were before or with the hardening in place."""

from __future__ import annotations

import dataclasses
import datetime
import json as jsonlib
from typing import Annotated

import typer
from rich.console import Console

from rempart.cli.apply import Window, Yes
from rempart.cli.common import AsJson, Inventory, gathered, selected
from rempart.cli.view import show_plan, show_results
from rempart.engine.apply import HostResult
from rempart.engine.guard import WINDOW_S
from rempart.engine.plan import HostPlan
from rempart.errors import RempartError
from rempart.policy import Policy, load
from rempart.release import Handover, Release, make_plan
from rempart.release import release as release_hosts

Names = Annotated[list[str], typer.Argument(help="Its hosts to leave; named, never all.")]
Keep = Annotated[
    bool, typer.Option("--keep", help="Leave the hardening; only rempart's own traces go.")
]


def release(
    inventory: Inventory,
    hosts: Names,
    keep: Keep = False,
    yes: Yes = False,
    window: Window = WINDOW_S,
    json: AsJson = False,
) -> None:
    """Leave hosts for good: every original comes back, or with --keep the hardening stays.

    Shows what would change and who can still get in, and asks. Our own account goes last. A release
    that was interrupted is run again. Exit code 1 when a host could not be released.
    """
    policy = load(inventory)
    names = selected(policy, hosts)
    kind = Handover if keep else Release
    plans = _plan(policy, names, kind, quiet=json)
    ready = [plan for plan in plans if not plan.error]
    if json and not yes:
        raise RempartError("release: --json cannot ask; add --yes")
    if not json:
        show_plan(Console(), plans)
    if ready and not yes:
        typer.confirm("Leave these hosts?", abort=True)
    results = [HostResult(plan.host, error=plan.error) for plan in plans if plan.error]
    results += _carry_out(policy, ready, window, kind, quiet=json)
    if json:
        typer.echo(jsonlib.dumps([dataclasses.asdict(each) for each in results], indent=2))
    else:
        show_results(Console(), results, {plan.error for plan in plans})
    raise typer.Exit(1 if any(each.error for each in results) else 0)


def _plan(policy: Policy, names: list[str], kind: type[Release], *, quiet: bool) -> list[HostPlan]:
    today = datetime.date.today()
    return gathered(
        "Planning", len(names), lambda steps: make_plan(policy, names, today, kind), quiet=quiet
    )


def _carry_out(
    policy: Policy, plans: list[HostPlan], window_s: int, kind: type[Release], *, quiet: bool
) -> list[HostResult]:
    planned = {plan.host: plan for plan in plans}
    names = [plan.host.partition("/")[2] for plan in plans]
    today = datetime.date.today()
    return gathered(
        "Leaving",
        len(names),
        lambda steps: release_hosts(policy, names, today, planned, window_s, steps.at, kind),
        quiet=quiet,
    )
