"""``rempart backup plug`` and ``unplug``: a removable disk that an operator needs for longer."""

from __future__ import annotations

import datetime
from typing import Annotated

import typer

from rempart.backup.disk import Act, tell_disk
from rempart.cli.common import Inventory
from rempart.errors import RempartError
from rempart.policy import Policy, load
from rempart.policy.backup import Target

disks = typer.Typer()

Name = Annotated[str, typer.Argument(help="The removable target.", metavar="TARGET")]


@disks.command()
def plug(inventory: Inventory, target: Name) -> None:
    """Mount a removable disk and keep it, to restore from it, drill or maintain it.

    By itself a disk that is plugged in is let go once the hosts have brought their copies. Name it
    in the commands that follow: --target TARGET.
    """
    _tell(load(inventory), target, "plug")
    typer.echo(f"{target}: is mounted until: rempart backup unplug {inventory} {target}")


@disks.command()
def unplug(inventory: Inventory, target: Name) -> None:
    """Let a removable disk go: it is checked, and `rempart backup status` says when it may go."""
    _tell(load(inventory), target, "unplug")
    typer.echo(f"{target}: is being checked; rempart backup status says when it may be unplugged")


def _tell(policy: Policy, name: str, act: Act) -> None:
    failed = tell_disk(policy, _removable(policy, name), act, datetime.date.today())
    if failed:
        raise RempartError(failed)


def _removable(policy: Policy, name: str) -> Target:
    targets = policy.backup.targets if policy.backup else ()
    disks = {target.name: target for target in targets if target.is_removable}
    if name not in disks:
        known = ", ".join(sorted(disks)) or "none in the policy"
        raise RempartError(f"{name}: is no removable target; write one of: {known}")
    return disks[name]
