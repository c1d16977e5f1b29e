"""Status: what should have arrived by the inventory, minus what has by the servers' clocks (BK-5).

A host that never ran is late like any other. What hosts say of themselves is not asked.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from rempart.backup.ask import ask, document
from rempart.backup.place import Place
from rempart.engine.printable import printable
from rempart.engine.run import Run
from rempart.engine.session import each_host
from rempart.engine.transport import TransportError
from rempart.policy import Policy

Outcome = Literal["fresh", "late", "never", "missing", "alarm", "full", "unknown"]
FULL = 0.9
"""How much of a limit may be used up before that is a finding."""
NOTED_HOURS = 2
HOUR = datetime.timedelta(hours=1)
"""The ledger is renewed every quarter of an hour; an older one sees nothing."""

_SCRIPT = """
systemctl start rempart-ledger.service
python3 -I -X utf8 /etc/rempart-ingest/ledger.py status | base64 -w0
"""


class Alarm(BaseModel):
    """Something that a host cannot do, and that happened."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    noted: AwareDatetime
    alarm: str
    path: str


class Room(BaseModel):
    """Bytes and files of a repository, its limits, and what is free on its disk."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    bytes: int
    files: int
    most_bytes: int
    most_files: int | None
    free_bytes: int
    free_files: int | None
    reserve_bytes: int
    reserve_files: int | None

    @property
    def why_full(self) -> str:
        """Return which limit is near or reached, or ''."""
        used = _share(self.bytes, self.most_bytes), _share(self.files, self.most_files)
        if max(used) >= FULL:
            return f"{max(used):.0%} of its quota is used up"
        left = (
            _share(self.reserve_bytes, self.free_bytes),
            _share(self.reserve_files or 0, self.free_files),
        )
        return "the disk is almost down to its reserve" if max(left) >= FULL else ""


def _share(part: int, whole: int | None) -> float:
    return 0.0 if whole is None else part / whole if whole > 0 else 1.0


class Disk(BaseModel):
    """How a removable disk stands, by its host's last word."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    state: Literal["waiting", "checking", "free", "pulled"] | None = None
    without: tuple[str, ...] = ()
    damaged: int = 0

    @property
    def words(self) -> str:
        """Return what to do with it."""
        without = ", ".join(name.partition("/")[0] for name in self.without)
        match self.state:
            case "waiting":
                return f"plugged in; waiting for {printable(without)[:100] or 'an operator'}"
            case "checking":
                return "plugged in; being checked"
            case "pulled":
                return "was pulled out before it was checked; plug it in again"
            case "free":
                return "may be unplugged"
        return ""


class Repository(BaseModel):
    """What a server's ledger says of one repository."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    is_there: bool
    snapshots: int
    newest: AwareDatetime | None
    noted: AwareDatetime | None
    alarms: tuple[Alarm, ...]
    alarm_count: int
    maintained: AwareDatetime | None = None
    released: AwareDatetime | None = None
    closed: bool = False
    """Hosts only read: its room is used up, or it is being maintained."""
    room: Room | None = None
    disk: Disk | None = None
    """Of a removable target, which is not there most of the time."""

    @property
    def is_away(self) -> bool:
        """Tell whether it lies on a disk that is not mounted."""
        return self.disk is not None and not self.is_there


@dataclass(frozen=True)
class Row:
    """How a host's copies at a target stand."""

    host: str
    target: str
    outcome: Outcome
    newest: datetime.datetime | None = None
    snapshots: int = 0
    detail: str = ""


@dataclass(frozen=True)
class Server:
    """What one server answered about all the repositories that it keeps."""

    host: str
    repositories: Mapping[str, Repository]
    error: str = ""


def ask_servers(policy: Policy, places: Sequence[Place], today: datetime.date) -> Iterator[Server]:
    """Ask each server once, about all hosts."""
    servers = sorted({place.server.name for place in places})
    return each_host(policy, servers, today, _ask, lambda host, why: Server(host, {}, why))


def _ask(run: Run) -> Server:
    ((encoded, *_), *_) = ask(run, _SCRIPT) or [("",)]
    return Server(run.host.name, parse(document(encoded)))


def parse(answer: Mapping[str, Any]) -> dict[str, Repository]:
    """Return a ledger's answer, ``{"host/target": {…}}``; TransportError when it is not one."""
    try:
        return {str(name): Repository.model_validate(each) for name, each in answer.items()}
    except ValidationError as error:
        raise TransportError(f"its ledger makes no sense ({error.error_count()} values)") from None


def rows(
    policy: Policy, places: Sequence[Place], servers: Sequence[Server], now: datetime.datetime
) -> list[Row]:
    """Return how each place stands: expected minus arrived. Pure."""
    answered = {server.host: server for server in servers}
    return [_row(policy, place, answered[policy.host_id(place.server)], now) for place in places]


def _row(policy: Policy, place: Place, server: Server, now: datetime.datetime) -> Row:
    host, target = policy.host_id(place.host), place.target.name
    found = server.repositories.get(f"{place.host.name}/{target}")
    assert policy.backup is not None
    if server.error or found is None:
        why = server.error or "the server does not know it yet; run rempart apply there"
        return Row(host, target, "unknown", detail=why)
    outcome, detail = _judged(policy.backup.max_age(place.target), found, now)
    return Row(host, target, outcome, found.newest, found.snapshots, detail)


def _judged(
    max_age: datetime.timedelta, found: Repository, now: datetime.datetime
) -> tuple[Outcome, str]:
    if not found.is_there and not found.disk:
        return "missing", "no repository; run rempart backup init"
    words = found.disk.words if found.disk else ""
    if found.alarm_count:
        last = found.alarms[-1] if found.alarms else None
        what = f", the last: {printable(last.alarm)} {printable(last.path)[:100]}" if last else ""
        return "alarm", f"{found.alarm_count} objects gone or changed{what}"
    is_old = found.noted is None or now - found.noted > datetime.timedelta(hours=NOTED_HOURS)
    if is_old and not found.is_away:
        return "unknown", "the server's ledger is old; see there: systemctl status rempart-ledger"
    if found.newest is None:
        return "never", words or "nothing has arrived yet"
    if now - found.newest > max_age:
        return "late", f"older than {max_age // HOUR} h{words and f'; {words}'}"
    if found.room and (why := found.room.why_full):
        return "full", f"{why}; hosts bring nothing more" if found.closed else why
    if found.newest - now > datetime.timedelta(minutes=5):
        return "unknown", "arrived in the future; the server's clock is wrong"
    return "fresh", words
