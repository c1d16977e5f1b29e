"""``rempart backup drill``: every copy is proven, and the proof itself is put to the test."""

from __future__ import annotations

import dataclasses
import datetime
import json as jsonlib
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from rempart.backup.drill import Drilled, ReadBack, differences, judged, read_back
from rempart.backup.place import Place
from rempart.backup.sabotage import Sabotage, spoilt
from rempart.backup.start import Ran, run_backups
from rempart.backup.status import Row, ask_servers, rows
from rempart.cli.backupargs import Names, Target, places_of
from rempart.cli.common import AsJson, Inventory, gathered
from rempart.cli.vault import Identities, open_vault, right_now
from rempart.engine.printable import printable
from rempart.policy import Policy, load
from rempart.vault import Vault

drills = typer.Typer()

ALWAYS = datetime.datetime.fromtimestamp(0, datetime.UTC)


@dataclasses.dataclass(frozen=True)
class Drill:
    """What is drilled, and how long reading a copy's sample may take."""

    policy: Policy
    places: Sequence[Place]
    within_s: int
    quiet: bool
    today: datetime.date

    def standing(self) -> list[Row]:
        """Return what the servers' ledgers say."""
        count = len({place.server.name for place in self.places})
        asked = gathered(
            "Asking servers",
            count,
            lambda _: ask_servers(self.policy, self.places, self.today),
            quiet=self.quiet,
        )
        return rows(self.policy, self.places, asked, right_now())

    def run(self) -> list[Ran]:
        """Back up now."""
        return gathered(
            "Backing up",
            self.count,
            lambda _: run_backups(self.policy, self.places, self.today),
            quiet=self.quiet,
        )

    def read(self, ran: Sequence[Ran], sabotage: str = "") -> list[ReadBack]:
        """Read a sample of that back."""
        return gathered(
            f"Reading back{sabotage and f', {sabotage}'}",
            self.count,
            lambda _: read_back(self.policy, self.places, ran, self.today, self.within_s, sabotage),
            quiet=self.quiet,
        )

    @property
    def count(self) -> int:
        """Return how many hosts there are."""
        return len({place.host.name for place in self.places})


@drills.command()
def drill(
    inventory: Inventory,
    hosts: Names = None,
    target: Target = None,
    within: Annotated[
        int, typer.Option(min=1, help="Minutes that reading a copy's sample may take.")
    ] = 30,
    sabotage: Annotated[
        list[Sabotage] | None,
        typer.Option(help="Also see that it notices what is spoilt in this way; may be repeated."),
    ] = None,
    identity: Identities = None,
    json: AsJson = False,
) -> None:
    """Prove every copy: back up now, read a random sample back, and compare it byte by byte.

    Each host reads from each of its targets, and says what differs from the files that it has. The
    record lies on the host, and verify asks for a young one. Exit code 2 when a copy is not proven.

    With --sabotage the same is read again, spoilt: from a view that the server lays beside the
    repository and takes away, so no copy is touched. Exit code 2 when the drill does not notice.
    """
    policy, today = load(inventory), datetime.date.today()
    places, modes = places_of(policy, hosts, target), sabotage or []
    vault = open_vault(policy, identity) if Sabotage.POISONED_INDEX in modes else None
    drill = Drill(policy, places, within * 60, json, today)
    before, began = drill.standing(), right_now()
    ran = drill.run()
    read = drill.read(ran)
    found = judged(before, ran, read, drill.standing(), began)
    since = {place: row.newest or ALWAYS for place, row in zip(places, before, strict=True)}
    noticed = {mode: _noticed(drill, mode, vault, since, ran) for mode in modes}
    if json:
        plain = [
            _plain(each, {mode: noticed[mode][place] for mode in modes})
            for each, place in zip(found, places, strict=True)
        ]
        typer.echo(jsonlib.dumps(plain, indent=2))
    else:
        for each, place in zip(found, places, strict=True):
            for line in (*_lines(each), *_noticing(each, {m: noticed[m][place] for m in modes})):
                typer.echo(line)
    has_missed = not all(why for by_place in noticed.values() for why in by_place.values())
    raise typer.Exit(2 if has_missed or any(each.wrong for each in found) else 0)


def _noticed(
    drill: Drill,
    mode: Sabotage,
    vault: Vault | None,
    since: dict[Place, datetime.datetime],
    ran: Sequence[Ran],
) -> dict[Place, list[str]]:
    """Return what a drill says of what is spoilt in this way, by place."""
    secrets = {
        place: vault.secret(place.host.name, place.target.name).password
        for place in drill.places
        if vault and mode is Sabotage.POISONED_INDEX
    }
    with spoilt(drill.policy, mode, since, secrets, drill.today) as without_view:
        back = {each.host: each.targets for each in drill.read(ran, mode)}
    for place, why in without_view.items():
        typer.echo(f"{place.name}: {mode}: could not be laid: {printable(why)}", err=True)
    found = {}
    for place in drill.places:
        comparison = back[drill.policy.host_id(place.host)].get(place.target.name)
        is_read = comparison is not None and place not in without_view
        found[place] = differences(comparison) if comparison and is_read else []
    return found


def _plain(each: Drilled, noticed: dict[Sabotage, list[str]]) -> dict[str, Any]:
    read = each.read.model_dump(mode="json") if each.read else None
    return {
        **dataclasses.asdict(each), "read": read, "ok": not each.wrong, "sabotage": noticed
    }  # fmt: skip


def _lines(each: Drilled) -> list[str]:
    where = f"{each.host}: {each.target}"
    age = "-" if each.rpo_s is None else f"{each.rpo_s // 3600} h {each.rpo_s % 3600 // 60} min"
    lines = [f"{where}: NOT proven: {printable(why)}" for why in each.wrong]
    if each.read and not each.wrong:
        files = f"{each.read.same} files came back as they are, {each.read.bytes} bytes"
        lines = [
            f"{where}: proven: {files} in {each.read.seconds:g} s; last copy before: {age} old"
        ]
    return lines


def _noticing(each: Drilled, noticed: dict[Sabotage, list[str]]) -> list[str]:
    return [
        f"{each.host}: {each.target}: {mode}:"
        f" {f'noticed: {printable(why[0])}' if why else 'NOT noticed'}"
        for mode, why in noticed.items()
    ]
