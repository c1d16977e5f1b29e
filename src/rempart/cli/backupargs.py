"""What the commands of ``rempart backup`` share: whose copies, at which target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from rempart.backup.enable import places_for
from rempart.backup.place import Place
from rempart.cli.common import selected
from rempart.errors import RempartError
from rempart.policy import Policy

Names = Annotated[list[str] | None, typer.Argument(help="Hosts; all that are backed up without.")]

Target = Annotated[
    str | None, typer.Option("--target", help="Only this target; a removable disk must be named.")
]


def places_of(
    policy: Policy, hosts: Sequence[str] | None, target: str | None, *, removable: bool = False
) -> list[Place]:
    """Return where the copies of these hosts are; RempartError where there are none.

    Removable disks, seldom there, are among them when they are named, or with ``removable``.
    """
    places = places_for(policy, selected(policy, hosts))
    if target:
        found = [place for place in places if place.target.name == target]
    else:
        found = [place for place in places if removable or not place.target.is_removable]
    if not found:
        where = f" to {target}" if target else " to a server"
        raise RempartError(f"{policy.path}: backup: no such host is backed up{where}")
    return found


def place_of(policy: Policy, host: str, target: str | None) -> Place:
    """Return where the copies of one host are; RempartError where that are several."""
    places = places_of(policy, [host], target)
    if len(places) > 1:
        names = ", ".join(place.target.name for place in places)
        raise RempartError(f"{host}: has several targets (got no --target); one of {names}")
    return places[0]
