"""``rempart verify``: whether the hosts are as the policy wants, proven by their behaviour."""

from __future__ import annotations

import datetime
import json as jsonlib
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from rempart.cli.common import AsJson, Hosts, Inventory, progress, selected
from rempart.errors import RempartError
from rempart.policy import load
from rempart.verify import report, run

Controls = Annotated[
    list[str] | None, typer.Option("--control", help="Only this control; may be given again.")
]
Junit = Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML to this file.")]


def verify(
    inventory: Inventory,
    host: Hosts = None,
    control: Controls = None,
    junit: Junit = None,
    json: AsJson = False,
) -> None:
    """Prove the hardening from inside and outside; exit code 1 when anything is not green.

    A host that is not reached, or not checked to the end, is not green. Ctrl-C ends all within
    seconds and shows what was found until then, with exit code 130, SIGTERM with 143. Nothing is
    changed on the hosts, whose logs show the attempts and a dry run of unattended-upgrades.
    """
    policy = load(inventory)
    names = selected(policy, host)
    today = datetime.date.today()
    with progress("Verifying", len(names), quiet=json) as steps:
        results, ended_by = run.verify(policy, names, control or [], today, steps.done)
    if junit:
        _write(junit, report.junit(results))
    if json:
        typer.echo(jsonlib.dumps(report.as_data(results), ensure_ascii=False))
    else:
        _show(Console(), results)
    if ended_by:
        raise typer.Exit(128 + ended_by)
    if not report.is_ok(results):
        raise typer.Exit(1)


def _show(console: Console, results: list[run.HostRecords]) -> None:
    for table in report.tables(results, console.width):
        console.print(table)
    for line, style in report.lines(results):
        # Text, never markup: a host's answer may hold square brackets.
        console.print(Text(line, style=style), soft_wrap=True, highlight=False)


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise RempartError(
            f"verify: --junit: cannot be written (got {file}: {error.strerror}); correct the path"
        ) from None
