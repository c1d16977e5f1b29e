"""``rempart backup``: a practice's encrypted copies, from the first to the restored one."""

from __future__ import annotations

import dataclasses
import datetime
import json as jsonlib
from collections.abc import Sequence
from typing import Any

import typer

from rempart.backup import start
from rempart.backup.disk import tell_disk
from rempart.backup.enable import (
    Enabled,
    bring_secrets,
    disks_to_enable,
    every_place,
    make_repositories,
    with_installed_secrets,
    with_missing_secrets,
    with_repositories,
)
from rempart.backup.status import Row, ask_servers, rows
from rempart.cli.backupargs import Names, Target, places_of
from rempart.cli.common import AsJson, Inventory, gathered
from rempart.cli.disk import disks
from rempart.cli.drill import drills
from rempart.cli.kit import paper
from rempart.cli.maintain import upkeep
from rempart.cli.restore import bring_back
from rempart.cli.vault import Identities, open_vault, right_now
from rempart.cli.vaultview import show_table
from rempart.engine.printable import printable
from rempart.policy import load

backup = typer.Typer(
    name="backup",
    help="Encrypted backups: each host brings its copies to its targets and can change none that"
    " has arrived.",
    epilog="First: rempart vault init FILE, rempart apply FILE, rempart backup init FILE."
    " Exit codes: 0 fine, 2 something is missing or late, 1 an error.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
backup.add_typer(bring_back)
backup.add_typer(upkeep)
backup.add_typer(paper)
backup.add_typer(disks)
backup.add_typer(drills)


@backup.command()
def init(
    inventory: Inventory,
    hosts: Names = None,
    target: Target = None,
    identity: Identities = None,
    json: AsJson = False,
) -> None:
    """Make what is missing of repositories, passwords and keys, and try each from its host.

    Run it again after hosts or targets were added, or when a host was away: nothing that is there
    is made anew. After `rempart vault rekey --remove` it makes new repositories, with new passwords
    and keys, for what waits in the vault; the old ones stay on their servers, frozen. A removable
    disk is plugged in first, and named: --target.
    """
    policy, today = load(inventory), datetime.date.today()
    places = places_of(policy, hosts, target)
    vault = open_vault(policy, identity)
    content = with_missing_secrets(vault.content, every_place(policy), right_now())
    if content != vault.content:
        vault = vault.save(content, right_now())
    servers = len({place.server.name for place in places})
    made = gathered(
        "Repositories", servers, lambda steps: make_repositories(vault, places, today), quiet=json
    )
    content = with_repositories(vault.content, made)
    if content != vault.content:
        vault = vault.save(content, right_now())
    without = {each.host for each in made if each.error}
    ready = [p for p in places if policy.host_id(p.server) not in without]
    count = len({place.host.name for place in ready})
    brought: list[Enabled] = []
    if ready:
        brought = gathered(
            "Keys", count, lambda steps: bring_secrets(vault, ready, today), quiet=json
        )
    content = with_installed_secrets(vault.content, ready, brought, policy)
    if content != vault.content:
        vault = vault.save(content, right_now())
    for disk in {place.target for place in ready if place.target.is_removable}:
        tell_disk(policy, disk, "begin_visit", today)
    _show([*made, *brought], json=json)
    for name in disks_to_enable(vault):
        typer.echo(f"{name}: plug it in, then: rempart backup init {inventory} --target {name}")
    raise typer.Exit(1 if any(each.error for each in (*made, *brought)) else 0)


@backup.command()
def run(
    inventory: Inventory,
    hosts: Names = None,
    target: Target = None,
    json: AsJson = False,
) -> None:
    """Back up now. Exit code 2 when a backup is partial or a canary changed, 1 when one failed."""
    policy, today = load(inventory), datetime.date.today()
    places = places_of(policy, hosts, target)
    count = len({place.host.name for place in places})
    found = gathered(
        "Backing up", count, lambda steps: start.run_backups(policy, places, today), quiet=json
    )
    if json:
        typer.echo(jsonlib.dumps([_plain(each) for each in found], indent=2))
    else:
        for line in (line for each in found for line in _ran(each)):
            typer.echo(line)
    outcomes = {each.outcome for ran in found for each in ran.targets.values()}
    failed = "failed" in outcomes or any(each.error for each in found)
    alarm = any(each.canaries for ran in found for each in ran.targets.values())
    raise typer.Exit(1 if failed else 2 if alarm or "partial" in outcomes else 0)


@backup.command()
def status(
    inventory: Inventory,
    hosts: Names = None,
    target: Target = None,
    json: AsJson = False,
) -> None:
    """Compare what should have arrived with what has, by the servers' clocks.

    Exit code 2 when a copy is late, missing or tampered with, 1 when a server cannot be asked.
    """
    policy, today = load(inventory), datetime.date.today()
    places = places_of(policy, hosts, target, removable=True)
    count = len({place.server.name for place in places})
    servers = gathered(
        "Asking servers", count, lambda steps: ask_servers(policy, places, today), quiet=json
    )
    found = rows(policy, places, servers, right_now())
    if json:
        plain = [dataclasses.asdict(row) for row in found]
        typer.echo(jsonlib.dumps(plain, indent=2, default=datetime.datetime.isoformat))
    else:
        _show_status(found)
    outcomes = {row.outcome for row in found}
    raise typer.Exit(1 if "unknown" in outcomes else 0 if outcomes == {"fresh"} else 2)


def _show_status(found: Sequence[Row]) -> None:
    cells = []
    for row in found:
        newest = row.newest.astimezone().strftime("%Y-%m-%d %H:%M") if row.newest else "-"
        cells.append((row.host, row.target, row.outcome, newest, str(row.snapshots), row.detail))
    show_table(("host", "target", "state", "newest", "snapshots", ""), cells)


def _ran(ran: start.Ran) -> list[str]:
    """Return what came of a host's backups, line by line."""
    if ran.error:
        return [f"{ran.host}: {ran.error.removeprefix(f'{ran.host}: ')}"]
    lines = []
    for name, each in ran.targets.items():
        size = f", {each.files} files, {each.bytes} bytes" if each.files is not None else ""
        lines.append(f"{ran.host}: {name}: {each.outcome}{size}")
        lines += [f"  is not there: {printable(path)}" for path in each.missing]
        lines += [f"  was not dumped: {printable(why)}" for why in each.undumped]
        lines += [f"  ALARM: canary changed or gone: {printable(p)}" for p in each.canaries]
        lines += [f"  could not be read: {printable(path)}" for path in each.unread]
        lines += [f"  {printable(line)}" for line in each.error.splitlines()[-5:]]
    return lines


def _plain(ran: start.Ran) -> dict[str, Any]:
    targets = {name: each.model_dump(mode="json") for name, each in ran.targets.items()}
    return {"host": ran.host, "targets": targets, "error": ran.error}


def _show(results: Sequence[Enabled], *, json: bool) -> None:
    if json:
        plain = [{"host": r.host, "done": r.done, "error": r.error} for r in results]
        typer.echo(jsonlib.dumps(plain, indent=2))
    else:
        for each in results:
            lines = [each.error] if each.error else each.done or ("nothing to do",)
            for line in lines:
                typer.echo(f"{each.host}: {line.removeprefix(f'{each.host}: ')}")
