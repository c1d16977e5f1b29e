"""``rempart backup list``, ``restore`` and ``rewind``: what has arrived, and getting it back."""

from __future__ import annotations

import dataclasses
import datetime
import json as jsonlib
from pathlib import PurePosixPath
from typing import Annotated

import typer

from rempart.backup.alarm import look
from rempart.backup.place import Place
from rempart.backup.restore import Order, restore_elsewhere
from rempart.backup.restore import restore as restore_host
from rempart.backup.snapshots import Snapshot, chosen, list_snapshots
from rempart.backup.snapshots import check as check_repository
from rempart.backup.snapshots import put_aside as put_aside_objects
from rempart.backup.snapshots import rewind as rewind_repository
from rempart.cli.backupargs import Names, Target, place_of, places_of
from rempart.cli.common import AsJson, Inventory, progress
from rempart.cli.vault import Identities, open_vault, right_now
from rempart.cli.vaultview import show_table
from rempart.engine.printable import printable
from rempart.errors import RempartError
from rempart.policy import load
from rempart.vault import Vault

bring_back = typer.Typer()

Source = Annotated[str, typer.Argument(metavar="HOST", help="The host whose copies these are.")]
From = Annotated[
    str | None, typer.Option("--target", help="The target; needed where the host has several.")
]
Rewound = Annotated[
    bool, typer.Option("--rewound", help="In the view that the last rewind has laid.")
]
MOMENTS = [
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M:%S%z",
]


@bring_back.command("list")
def list_command(
    inventory: Inventory,
    host: Source,
    target: From = None,
    rewound: Rewound = False,
    identity: Identities = None,
    json: AsJson = False,
) -> None:
    """Show a host's snapshots: when each arrived, and what speaks against it.

    What a snapshot says of itself is its writer's claim, so it is laid beside what the server saw.
    """
    policy = load(inventory)
    place = place_of(policy, host, target)
    found = _snapshots(open_vault(policy, identity), place, rewound=rewound, quiet=json)
    if json:
        plain = [dataclasses.asdict(each) for each in found]
        typer.echo(jsonlib.dumps(plain, indent=2, default=datetime.datetime.isoformat))
        return
    cells = []
    for each in found:
        paths = " ".join(printable(path) for path in each.paths)
        cells.append((each.id[:8], _local(each.arrived), ", ".join(each.doubts), paths))
    show_table(("snapshot", "arrived", "doubts", "paths"), cells)


@bring_back.command()
def check(
    inventory: Inventory,
    hosts: Names = None,
    target: Target = None,
    rewound: Rewound = False,
    identity: Identities = None,
    json: AsJson = False,
) -> None:
    """Check that repositories are whole and free of alarms.

    Indexes, snapshots and trees are read, and every pack is looked for; drills and maintenance read
    what files contain. Alarms are objects gone or changed, forged snapshots, and what looks like
    ransomware in what arrived since somebody has last looked (rempart backup release). Exit code 2
    when a repository is not whole or has an alarm.
    """
    policy = load(inventory)
    places = places_of(policy, hosts, target)
    vault = open_vault(policy, identity)
    wrong = {}
    with progress("Checking", len(places), quiet=json) as steps:
        for place in places:
            steps.at(place.server.name, place.folder)
            password = vault.secret(place.host.name, place.target.name).password
            try:
                said = check_repository(policy, place, password, rewound=rewound)
                said = said or ("" if rewound else "; ".join(look(policy, place, password).alarms))
            except RempartError as error:
                said = f"cannot be looked at: {error}"  # another host's answer stops nobody
            wrong[policy.host_id(place.host), place.target.name] = said
            steps.done(place.server.name)
    if json:
        plain = [{"host": h, "target": t, "wrong": said} for (h, t), said in wrong.items()]
        typer.echo(jsonlib.dumps(plain, indent=2))
    else:
        for (name, where), said in wrong.items():
            typer.echo(f"{name}: {where}: {printable(said) or 'whole'}")
    raise typer.Exit(2 if any(wrong.values()) else 0)


@bring_back.command()
def restore(
    inventory: Inventory,
    host: Source,
    paths: Annotated[
        list[str] | None, typer.Argument(help="Files and folders, absolute; everything without.")
    ] = None,
    snapshot: Annotated[
        str | None, typer.Option(help="Its id, or the first eight digits; see backup list.")
    ] = None,
    at: Annotated[
        datetime.datetime | None,
        typer.Option(formats=MOMENTS, help="The last one that had arrived by then."),
    ] = None,
    into: Annotated[
        str | None,
        typer.Option(help="Folder on the host; without it a new one. / puts files back in place."),
    ] = None,
    on: Annotated[
        str | None, typer.Option("--on", help="Another host, to which they come; backed up itself.")
    ] = None,
    target: From = None,
    rewound: Rewound = False,
    identity: Identities = None,
    json: AsJson = False,
) -> None:
    """Bring files of a host back to it, or to another one, with their owners, modes and ACLs.

    Without a snapshot's id it is the last one that has arrived and that nothing speaks against. The
    files are read again from the disk afterwards. Exit code 2 when a path is not in the snapshot.
    """
    policy, today = load(inventory), datetime.date.today()
    place = place_of(policy, host, target)
    wanted = tuple(_absolute(path) for path in paths or ())
    folder = _absolute(into) if into else None
    vault = open_vault(policy, identity)
    found = _snapshots(vault, place, rewound=rewound, quiet=json)
    source = chosen(found, snapshot, at.astimezone() if at else None)
    folder = folder or PurePosixPath(f"/var/lib/rempart-backup/restored/{source.id[:8]}")
    order = Order(source.id, folder, wanted, rewound)
    with progress("Restoring", 1, quiet=json) as steps:
        steps.at(on or policy.host_id(place.host), f"{source.id[:8]} from {place.target.name}")
        if on and on != host:
            done = restore_elsewhere(vault, place, policy.host(on), order, right_now())
        else:
            done = restore_host(policy, place, order, today)
    if json:
        about = {
            "snapshot": source.id,
            "arrived": source.arrived and source.arrived.isoformat(),
            "into": str(folder),
        }
        typer.echo(jsonlib.dumps(about | done.model_dump(mode="json"), indent=2))
    else:
        for doubt in source.doubts:
            typer.echo(f"snapshot {source.id[:8]}: {doubt}", err=True)
        for path in done.missing:
            typer.echo(f"is not in the snapshot: {printable(path)}", err=True)
        for line in done.error.splitlines()[-5:]:
            typer.echo(printable(line), err=True)
        what = "restored" if done.ok else "NOT restored whole"
        when = _local(source.arrived)
        typer.echo(
            f"{on or host}: {what}: snapshot {source.id[:8]} of {host}, arrived {when}:"
            f" below {folder}"
        )
    raise typer.Exit(1 if not done.ok else 2 if done.missing else 0)


@bring_back.command()
def rewind(
    inventory: Inventory,
    host: Source,
    to: Annotated[
        datetime.datetime,
        typer.Option(formats=MOMENTS, help="The moment, by the server's clock."),
    ],
    put_aside: Annotated[
        bool,
        typer.Option("--put-aside", help="Also clean the repository itself of what came later."),
    ] = False,
    target: From = None,
    json: AsJson = False,
) -> None:
    """Lay a view of a host's repository as it was at a moment, for list and restore --rewound.

    What arrived later is not in it, whatever it says of itself; the repository stays as it is. With
    --put-aside that is taken out of the repository, so that backups go on from there; it is kept on
    the server for a month, root's alone.
    """
    policy = load(inventory)
    place = place_of(policy, host, target)
    if put_aside:
        with progress("Putting aside", 1, quiet=json):
            count = put_aside_objects(policy, place, to.astimezone())
        if json:
            typer.echo(jsonlib.dumps({"put_aside": count}))
        else:
            typer.echo(
                f"{host}: {place.target.name}: {count} objects that came after {_local(to)}"
                " are put aside"
            )
        return
    with progress("Rewinding", 1, quiet=json):
        view = rewind_repository(policy, place, to.astimezone())
    if json:
        typer.echo(jsonlib.dumps(dataclasses.asdict(view), indent=2))
    else:
        typer.echo(
            f"{host}: {place.target.name}: rewound to {_local(to)}: {view.snapshots} snapshots;"
            f" {view.left_out} objects came later and are left out"
        )
    raise typer.Exit(0 if view.snapshots else 2)


def _snapshots(vault: Vault, place: Place, *, rewound: bool, quiet: bool) -> list[Snapshot]:
    password = vault.secret(place.host.name, place.target.name).password
    with progress("Reading", 1, quiet=quiet) as steps:
        steps.at(place.server.name, place.folder)
        return list_snapshots(vault.policy, place, password, rewound=rewound)


def _absolute(path: str) -> PurePosixPath:
    found = PurePosixPath(path)
    if not found.is_absolute() or ".." in found.parts:
        raise RempartError(f"{path}: must be an absolute path without '..'")
    return found


def _local(moment: datetime.datetime | None) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else "-"
