"""Snapshots: what a repository says it holds, beside what its server saw arrive.

Everything in a snapshot is its writer's claim, also its time; when it arrived is the server's.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
)

from rempart.backup.bridge import REWOUND, reached
from rempart.backup.place import Place, paths_of
from rempart.backup.repository import Opened, RepositoryError
from rempart.engine.connection import Connection, Result
from rempart.engine.printable import printable
from rempart.engine.transport import TransportError, connect, printable_lines
from rempart.policy import Policy

EARLY = datetime.timedelta(minutes=5)
"""How far a host's clock may be ahead of its server's."""

LONGEST = datetime.timedelta(hours=24)
"""A snapshot has the time when its backup began, and arrives when that ends."""

CHECK_S = 3600

_LEDGER = "python3 -I -X utf8 /etc/rempart-ingest/ledger.py"
_Arrivals = TypeAdapter(dict[str, AwareDatetime])


class Claim(BaseModel):
    """What a snapshot says of itself; restic's ``snapshots --json``."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field(pattern="^[0-9a-f]{64}$")
    time: AwareDatetime
    hostname: str | None = None
    paths: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Snapshot:
    """A snapshot, when it arrived, and what speaks against it."""

    id: str
    time: datetime.datetime
    arrived: datetime.datetime | None
    paths: tuple[str, ...]
    doubts: tuple[str, ...]


@dataclass(frozen=True)
class View:
    """What is seen after a rewind: how many snapshots, objects, and objects that came later."""

    snapshots: int
    objects: int
    left_out: int


def list_snapshots(
    policy: Policy, place: Place, password: SecretStr, *, rewound: bool = False
) -> list[Snapshot]:
    """Return a repository's snapshots, or those of its rewound view, by arrival; oldest first.

    Raises:
        TransportError: the server cannot be asked, or its ledger makes no sense.
        RepositoryError: the repository does not open, or holds what restic cannot read.
    """
    folder = place.folder + (REWOUND if rewound else "")
    with connect(policy.route(place.server)) as server, reached(server, folder) as where:
        return read_snapshots(policy, place, server, Opened(where, password))


def read_snapshots(
    policy: Policy, place: Place, server: Connection, opened: Opened
) -> list[Snapshot]:
    """Return the snapshots of a repository that is being read."""
    said = opened.run("snapshots", "--json")
    arrivals = _arrivals(server, place)  # asked last: all of these have arrived by now
    try:
        found = TypeAdapter(list[dict[str, Any]] | None).validate_json(said) or []
        claims = [Claim.model_validate(each) for each in found]
    except ValidationError as error:
        raise RepositoryError(f"{place.folder}: its snapshots make no sense") from error
    return judged(policy, place, claims, arrivals)


def check(policy: Policy, place: Place, password: SecretStr, *, rewound: bool = False) -> str:
    """Return what is wrong with a repository's structure by ``restic check``, or ''.

    Indexes, snapshots and trees are read, and every pack is looked for; file contents are not read.

    Raises:
        TransportError: the server cannot be asked.
    """
    folder = place.folder + (REWOUND if rewound else "")
    with connect(policy.route(place.server)) as server, reached(server, folder) as where:
        try:
            Opened(where, password).run("check", timeout_s=CHECK_S)
        except RepositoryError as error:
            return str(error)
    return ""


def rewind(policy: Policy, place: Place, until: datetime.datetime) -> View:
    """Lay a view on the server of what had arrived by then; TransportError when it cannot."""
    with connect(policy.route(place.server)) as server:
        found = ask_ledger(
            server, place, "rewind", place.name, f"'{until.astimezone(datetime.UTC).isoformat()}'"
        )
    try:
        return View(**found)
    except TypeError:
        raise TransportError(f"{place.server.name}: its ledger makes no sense") from None


def put_aside(policy: Policy, place: Place, until: datetime.datetime) -> int:
    """Put all aside that arrived after a moment, and return how much; TransportError if not."""
    moment = f"'{until.astimezone(datetime.UTC).isoformat()}'"
    with connect(policy.route(place.server)) as server:
        found = ask_ledger(server, place, "cut", place.name, moment)
    if not isinstance(found.get("aside_objects"), int):
        raise TransportError(f"{place.server.name}: {printable(str(found.get('why')))[:300]}")
    return int(found["aside_objects"])


def judged(
    policy: Policy,
    place: Place,
    claims: Sequence[Claim],
    arrivals: Mapping[str, datetime.datetime],
) -> list[Snapshot]:
    """Return snapshots with what speaks against each, by arrival. Pure."""
    own = set(paths_of(policy, place.host, place.target))
    found = []
    for claim in claims:
        arrived = arrivals.get(claim.id)
        doubts = [*_late(claim.time, arrived)]
        doubts += ["of another host"] if claim.hostname != policy.host_id(place.host) else []
        paths = claim.paths or ()
        doubts += ["other paths"] if not paths or not own.issuperset(paths) else []
        found.append(Snapshot(claim.id, claim.time, arrived, paths, tuple(doubts)))
    never = datetime.datetime.max.replace(tzinfo=datetime.UTC)
    return sorted(found, key=lambda each: each.arrived or never)


def chosen(
    snapshots: Sequence[Snapshot], wanted: str | None, until: datetime.datetime | None
) -> Snapshot:
    """Return the snapshot of that id, or the last that had arrived and that nothing speaks against.

    RepositoryError when there is none.
    """
    if wanted:
        found = [each for each in snapshots if each.id.startswith(wanted)]
        if len(found) != 1 or not re.fullmatch("[0-9a-f]{8,64}", wanted):
            raise RepositoryError(f"no one snapshot has that id (got {wanted}); see backup list")
        return found[0]
    genuine = [each for each in snapshots if not each.doubts and each.arrived]
    found = [each for each in genuine if until is None or (each.arrived or until) <= until]
    if not found:
        raise RepositoryError("no snapshot had arrived by then that is above doubt")
    return found[-1]


def _late(claimed: datetime.datetime, arrived: datetime.datetime | None) -> list[str]:
    if arrived is None:
        return ["its arrival is not noted"]
    if claimed - arrived > EARLY:
        return ["says it is of after its arrival"]
    return ["says it is of long before its arrival"] if arrived - claimed > LONGEST else []


def _arrivals(server: Connection, place: Place) -> dict[str, datetime.datetime]:
    try:
        return _Arrivals.validate_python(ask_ledger(server, place, "arrivals", place.name))
    except ValidationError as error:
        raise TransportError(f"{place.server.name}: its ledger makes no sense") from error


def ask_ledger(server: Connection, place: Place, *words: str) -> dict[str, Any]:
    """Have a server's ledger renewed, then ask it; TransportError when it gives no answer."""
    script = f"set -e; systemctl start rempart-ledger.service; {_LEDGER} {' '.join(words)}\n"
    done: Result = server.run("sudo -n sh -s", stdin=script.encode())
    try:
        found = json.loads(done.stdout)
    except (ValueError, RecursionError):
        found = None
    if done.returncode or not isinstance(found, dict):
        said = printable_lines(done.stderr)[-1:] or ["no word"]
        raise TransportError(f"{place.server.name}: its ledger gives no answer (got {said[0]})")
    return found
