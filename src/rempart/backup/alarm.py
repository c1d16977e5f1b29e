"""Alarms: all that speaks against a repository since an operator has last looked at it.

From the server's ledger (what is gone or changed), from the snapshots beside their arrivals
(forgeries), and from what they hold (anomalies). While there is one, nothing is maintained.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr

from rempart.backup import anomaly
from rempart.backup.bridge import reached
from rempart.backup.place import Place
from rempart.backup.repository import Opened, RepositoryError
from rempart.backup.snapshots import Snapshot, ask_ledger, read_snapshots
from rempart.backup.status import Repository, parse
from rempart.engine.lock import owner
from rempart.engine.transport import TransportError, connect
from rempart.policy import Policy


@dataclass(frozen=True)
class Looked:
    """A repository's snapshots, oldest first, and what is wrong."""

    snapshots: tuple[Snapshot, ...]
    alarms: tuple[str, ...]


def look(policy: Policy, place: Place, password: SecretStr) -> Looked:
    """Look at a repository, over one connection to its server.

    Where nothing is wrong, the server notes that, and the next look begins there.

    Raises:
        TransportError: the server cannot be asked.
        RepositoryError: the repository does not open, or holds what restic cannot read.
    """
    with connect(policy.route(place.server)) as server:
        ledger = parse(ask_ledger(server, place, "status")).get(place.name)
        if ledger is None:
            raise TransportError(f"{place.server.name}: does not know {place.name}; apply there")
        with reached(server, place.folder) as where:
            opened = Opened(where, password)
            snapshots = read_snapshots(policy, place, server, opened)
            alarms = [*_of_ledger(ledger), *forgeries(snapshots, ledger)]
            genuine = [each for each in snapshots if each.arrived and not each.doubts]
            new = [each for each in genuine if not _is_seen(each, ledger)]
            try:
                alarms += anomaly.find(opened, genuine, len(new))
            except (ValueError, KeyError, TypeError, ArithmeticError) as error:
                raise RepositoryError(f"{place.folder}: what it holds makes no sense") from error
        if new and new[-1].arrived and not alarms:
            moment = new[-1].arrived.isoformat()
            ask_ledger(server, place, "looked", place.name, f"'{moment}'", f"'{owner()}'")
    return Looked(tuple(snapshots), tuple(alarms))


def _of_ledger(ledger: Repository) -> list[str]:
    more = ledger.alarm_count - len(ledger.alarms)
    said = [f"{each.alarm}: {each.path}" for each in ledger.alarms]
    return [*said, f"and {more} more objects gone or changed"] if more > 0 else said


def forgeries(snapshots: list[Snapshot], ledger: Repository) -> list[str]:
    """Return what speaks against snapshots that nobody has looked at. Pure."""
    new = [each for each in snapshots if not _is_seen(each, ledger)]
    return [f"{each.id[:8]}: {doubt}" for each in new for doubt in each.doubts]


def _is_seen(snapshot: Snapshot, ledger: Repository) -> bool:
    if ledger.released is None or snapshot.arrived is None:
        return False
    return snapshot.arrived <= ledger.released
