"""``rempart backup maintain`` and ``release``: what is no longer wanted goes; alarms are seen."""

from __future__ import annotations

import datetime
import json as jsonlib
from collections.abc import Sequence
from typing import Annotated

import typer

from rempart.backup.alarm import look
from rempart.backup.maintain import Maintained, Report
from rempart.backup.maintain import maintain as maintain_servers
from rempart.backup.maintain import release as release_servers
from rempart.backup.place import Place
from rempart.backup.retention import expired
from rempart.cli.backupargs import Names, Target, places_of
from rempart.cli.common import AsJson, Inventory, gathered, progress
from rempart.cli.vault import Identities, open_vault
from rempart.engine.lock import owner
from rempart.engine.printable import printable
from rempart.errors import RempartError
from rempart.policy import Policy, load
from rempart.vault import Vault

upkeep = typer.Typer()


@upkeep.command()
def maintain(
    inventory: Inventory,
    hosts: Names = None,
    target: Target = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Do and check everything, and put nothing in place.")
    ] = False,
    identity: Identities = None,
    json: AsJson = False,
) -> None:
    """Forget snapshots that the policy no longer keeps, and free what they alone needed.

    Done on the servers, on links beside each repository: all that stays is read to the last byte
    before and after, and what goes is put aside for a month. Hosts can read meanwhile, and bring
    nothing. A repository with an alarm is frozen until somebody has looked: rempart backup release.
    Exit code 2 when one is frozen or was left as it is.
    """
    policy, today = load(inventory), datetime.date.today()
    places = places_of(policy, hosts, target)
    vault = open_vault(policy, identity)
    forget, frozen = {}, {}
    with progress("Looking", len(places), quiet=json) as steps:
        for place in places:
            steps.at(place.server.name, place.folder)
            alarms, ids = _looked(vault, place)
            if alarms:
                frozen[place] = alarms
            else:
                forget[place] = ids
            steps.done(place.server.name)
    count = len({place.server.name for place in forget})
    done: list[Maintained] = []
    if forget:
        done = gathered(
            "Maintaining",
            count,
            lambda _: maintain_servers(vault, forget, today, dry_run=dry_run),
            quiet=json,
        )
    reports = {place: _report(policy, place, done) for place in forget}
    reports |= {
        place: Report(ok=False, why=f"frozen: {'; '.join(alarms)}")
        for place, alarms in frozen.items()
    }
    _show(policy, places, reports, json=json)
    raise typer.Exit(0 if all(each.ok for each in reports.values()) else 2)


def _looked(vault: Vault, place: Place) -> tuple[list[str], list[str]]:
    """Return the alarms of a repository, and which of its snapshots are no longer wanted."""
    assert vault.policy.backup is not None
    password = vault.secret(place.host.name, place.target.name).password
    try:
        found = look(vault.policy, place, password)
    except RempartError as error:
        return [f"cannot be looked at: {error}"], []  # another host's answer stops nobody
    gone = expired(found.snapshots, vault.policy.backup.retention)
    return list(found.alarms), [each.id for each in gone]


def _report(policy: Policy, place: Place, done: Sequence[Maintained]) -> Report:
    server = policy.host_id(place.server)
    for each in done:
        if each.host == server:
            return each.reports.get(place) or Report(ok=False, why=each.error or "no answer")
    return Report(ok=False, why="no answer")


def _show(
    policy: Policy, places: Sequence[Place], reports: dict[Place, Report], *, json: bool
) -> None:
    if json:
        plain = [
            {
                "host": policy.host_id(place.host),
                "target": place.target.name,
                "ran_on": policy.host_id(place.server),
                **reports[place].model_dump(mode="json"),
            }
            for place in places
        ]
        typer.echo(jsonlib.dumps(plain, indent=2))
        return
    for place in places:
        report = reports[place]
        where = f"{policy.host_id(place.host)}: {place.target.name}"
        if not report.ok:
            typer.echo(f"{where}: left as it is: {printable(report.why)}")
            continue
        typer.echo(
            f"{where}: forgotten {report.forgotten} of {report.forgotten + report.kept} snapshots;"
            f" {report.aside_bytes} bytes put aside, {report.needed_bytes} stay;"
            f" {report.compared} files compared; {report.seconds:g} s on"
            f" {policy.host_id(place.server)}, which read all of it"
        )


@upkeep.command()
def release(
    inventory: Inventory,
    hosts: Names = None,
    target: Target = None,
) -> None:
    """Note that you have looked at all alarms until now, so that maintenance goes on.

    The record stays on the server, with your name. What you have found forged or damaged stays in
    the repository as it is; restores take what is above doubt.
    """
    policy, today = load(inventory), datetime.date.today()
    if not hosts:
        raise RempartError("release: needs the names of the hosts whose alarms you have looked at")
    places = places_of(policy, hosts, target, removable=True)
    failed = release_servers(policy, places, owner(), today)
    for line in failed:
        typer.echo(line, err=True)
    raise typer.Exit(1 if failed else 0)
