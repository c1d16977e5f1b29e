"""What speaks against a snapshot, and which one is restored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rempart.backup.place import Place, places_of
from rempart.backup.repository import RepositoryError
from rempart.backup.snapshots import Claim, Snapshot, chosen, judged
from rempart.policy import Policy, load

EXAMPLE = Path(__file__).parents[3] / "inventories" / "example.yaml"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
OWN = ("/home", "/srv/dossiers", "/var/lib/rempart-backup/cabinet.nonce")


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load(EXAMPLE)


@pytest.fixture(scope="module")
def place(policy: Policy) -> Place:
    return places_of(policy, policy.host("fauteuil-1"))[0]


def claim(number: int, time: datetime = NOON, **more: object) -> Claim:
    host = {"hostname": "cabinet-rivoire/fauteuil-1", "paths": OWN}
    return Claim.model_validate({"id": f"{number:064x}", "time": time, **host, **more})


@pytest.mark.parametrize(
    ("claimed", "arrived_after", "doubts"),
    [
        (claim(1), timedelta(minutes=3), ()),
        (claim(1), timedelta(minutes=-4), ()),
        (claim(1), timedelta(hours=23), ()),
        (claim(1), timedelta(minutes=-6), ("says it is of after its arrival",)),
        (claim(1), timedelta(hours=25), ("says it is of long before its arrival",)),
        (claim(1), None, ("its arrival is not noted",)),
        (claim(1, hostname="other/fauteuil-1"), timedelta(0), ("of another host",)),
        (claim(1, paths=("/etc",)), timedelta(0), ("other paths",)),
        (claim(1, paths=OWN[:1]), timedelta(0), ()),
    ],
)
def test_what_speaks_against_a_snapshot_is_named(
    policy: Policy,
    place: Place,
    claimed: Claim,
    arrived_after: timedelta | None,
    doubts: tuple[str, ...],
) -> None:
    arrivals = {} if arrived_after is None else {claimed.id: NOON + arrived_after}
    (found,) = judged(policy, place, [claimed], arrivals)
    assert found.doubts == doubts


def test_snapshots_stand_in_the_order_of_their_arrival(policy: Policy, place: Place) -> None:
    claims = [claim(1, NOON), claim(2, NOON), claim(3, NOON)]
    arrivals = {claims[0].id: NOON + timedelta(hours=2), claims[1].id: NOON}
    found = judged(policy, place, claims, arrivals)
    assert [each.id for each in found] == [claims[1].id, claims[0].id, claims[2].id]


def snapshot(number: int, *doubts: str) -> Snapshot:
    arrived = NOON + timedelta(hours=number)
    return Snapshot(f"{number:08x}" * 8, arrived, arrived, OWN, doubts)


def test_last_one_above_doubt_is_restored() -> None:
    snapshots = [snapshot(1), snapshot(2), snapshot(3, "of another host")]
    assert chosen(snapshots, None, None) == snapshots[1]
    assert chosen(snapshots, None, NOON + timedelta(hours=1, minutes=59)) == snapshots[0]
    assert chosen(snapshots, "00000003", None) == snapshots[2], "whoever names it may have it"


@pytest.mark.parametrize("wanted", ["0000000", "00000004", "latest", "0000000g", ""])
def test_id_that_names_no_one_snapshot_is_refused(wanted: str) -> None:
    with pytest.raises(RepositoryError):
        chosen([snapshot(1, "other paths"), snapshot(2, "other paths")], wanted, None)


def test_nothing_is_restored_from_before_the_first_one() -> None:
    with pytest.raises(RepositoryError, match="no snapshot had arrived by then"):
        chosen([snapshot(1)], None, NOON)
