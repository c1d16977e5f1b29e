"""Diff: what is wanted against what was seen, as an ordered list of changes. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from rempart.engine import manifest
from rempart.resources import KINDS, Change, Observation, Resource, Unit
from rempart.resources.base import call
from rempart.resources.unit import NOT_THERE

RELEASE_RANK = 60
RELOAD_RANK = 80

Place = tuple[int, tuple[int, ...], str]
"""Where a change stands in a run."""


def diff(desired: Sequence[Resource], seen: Observation) -> list[Change]:
    """Return every change, in the order in which a run makes them.

    The same function feeds the plan, the apply and the test that after an apply nothing is left.
    """
    given_up = releases(desired, seen)
    changes = [change for resource in desired if (change := resource.diff(seen))]
    changes = [_foreseeing(change, given_up) for change in changes] + given_up
    changes += reloads(desired, seen, changes)
    return sorted(changes, key=order) or manifest.correction(desired, seen)


def _foreseeing(change: Change, given_up: Sequence[Change]) -> Change:
    """Let a daemon's checker judge without the files that this run gives up: ``$GIVEN_UP``."""
    gone = [each.id.removeprefix("file:") for each in given_up if each.id.startswith("file:")]
    if not (change.precheck and gone):
        return change
    known = call("export", "GIVEN_UP=" + "\n".join(gone))
    return replace(change, script=known + change.script, precheck=known + change.precheck)


def releases(desired: Sequence[Resource], seen: Observation) -> list[Change]:
    """Return the changes that give up what the host's manifest names and nobody wants any more."""
    return manifest.releases(manifest.load(seen), desired, seen)


def reload_label(unit: Unit) -> tuple[str, str, Place]:
    """Return the id, the label and the place of a unit's reload, whether or not it is needed."""
    change_id = f"reload:{unit.unit}"
    return change_id, f"Reload {unit.unit}", (RELOAD_RANK, (), change_id)


def reloads(
    desired: Sequence[Resource], seen: Observation, changes: Sequence[Change]
) -> list[Change]:
    """Return the reloads that these changes, or an interrupted run before, ask for."""
    found, reasons = [], defaultdict[str, list[str]](list)
    for change in changes:
        for name in dict.fromkeys(change.reloads):
            reasons[name].append(change.label)
    for unit in reloaded(desired, manifest.load(seen)):
        reload = unit.reload(seen, reasons[unit.unit])
        if reload:
            found.append(reload)
    return found


def reloaded(desired: Sequence[Resource], owned: manifest.Manifest) -> list[Unit]:
    """Return the units that may have to be reloaded: the wanted ones, and those we only leave.

    A daemon whose last file of ours goes is itself no longer wanted, and must read that too.
    """
    units = [resource for resource in desired if isinstance(resource, Unit)]
    wanted = {unit.id for unit in units}
    orphans = [entry for key, entry in owned.items() if key not in wanted]
    return units + [
        Unit(concern="leftovers", risky=entry.risky, unit=entry.id.removeprefix("unit:"))
        for entry in orphans
        if entry.id.startswith("unit:") and entry.original[0] not in NOT_THERE
    ]


def order(change: Change) -> Place:
    """Return the sort key of a run: packages, groups, users, files, removals, units, reloads.

    Removals go the other way round: a unit ends before its file goes, a file before its folder,
    a folder before the one that it is in. The
    key depends on the change alone, never on the host: pyinfra aborts a run in which two hosts
    order the same operations differently.
    """
    if change.action == "run":
        return RELOAD_RANK, (), change.id
    rank = KINDS[change.id.partition(":")[0]].rank
    if change.action == "release":
        return RELEASE_RANK, (-rank, -change.id.count("/")), change.id
    return rank, (), change.id
