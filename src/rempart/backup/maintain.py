"""Maintenance: repositories lose what is no longer wanted, on their servers, and nothing else.

A server that maintains a repository gets its password for that time, and reads what is in it. It is
not done where anything is wrong that nobody has released.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, ValidationError

from rempart.backup.ask import ask, document
from rempart.backup.place import Place
from rempart.backup.start import LONGEST_S
from rempart.engine.run import Run
from rempart.engine.session import each_host
from rempart.engine.transport import TransportError
from rempart.policy import Policy
from rempart.resources.base import call, encoded
from rempart.vault import Vault


class Report(BaseModel):
    """What a server says of a maintenance: done, or why everything is as it was."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    ok: bool
    why: str = ""
    forgotten: int = 0
    kept: int = 0
    needed_bytes: int = 0
    """What all that stays takes."""
    aside_bytes: int = 0
    """What has been put aside, and will be deleted in a month."""
    compared: int = 0
    """Files that were read before and after."""
    seconds: float = 0.0


@dataclass(frozen=True)
class Maintained:
    """What came of one server, by place; or why there is nothing."""

    host: str
    reports: Mapping[Place, Report]
    error: str = ""


def maintain(
    vault: Vault,
    forget: Mapping[Place, Sequence[str]],
    today: datetime.date,
    *,
    dry_run: bool,
) -> Iterator[Maintained]:
    """Maintain each place on its server: servers side by side, one repository after the other.

    ``forget`` are ids of snapshots. The repository is closed meanwhile; hosts still read from it.
    """
    servers = sorted({place.server.name for place in forget})

    def work(run: Run) -> Maintained:
        reports = {}
        for place, ids in forget.items():
            if place.server == run.subject:
                reports[place] = _one(run, vault, place, ids, dry_run=dry_run)
        return Maintained(run.host.name, reports)

    return each_host(
        vault.policy, servers, today, work, lambda server, why: Maintained(server, {}, why)
    )


def _one(run: Run, vault: Vault, place: Place, ids: Sequence[str], *, dry_run: bool) -> Report:
    password = vault.secret(place.host.name, place.target.name).password.get_secret_value()
    order = json.dumps({"forget": list(ids), "password": password, "dry_run": dry_run})
    lines = ask(run, call("maintain", place.name, stdin=encoded(order)), LONGEST_S)
    for line in lines:
        if line[:2] == ("maintained", place.name) and len(line) == 3:
            try:
                return Report.model_validate(document(line[2]))
            except (ValidationError, TransportError):
                break
    return Report(ok=False, why="its answer makes no sense")


def release(policy: Policy, places: Sequence[Place], who: str, today: datetime.date) -> list[str]:
    """Note on the servers that somebody has looked at all that was wrong; return what failed."""
    servers = sorted({place.server.name for place in places})

    def work(run: Run) -> str:
        here = [place for place in places if place.server == run.subject]
        lines = ask(run, "".join(call("release", place.name, who) for place in here))
        done = {line[1] for line in lines if line[0] == "released"}
        missing = [place.name for place in here if place.name not in done]
        return f"{run.host.name}: not released: {', '.join(missing)}" if missing else ""

    failed = each_host(policy, servers, today, work, lambda server, why: f"{server}: {why}")
    return [each for each in failed if each]
