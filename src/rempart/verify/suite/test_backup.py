"""BK-1, BK-3 and BK-5: copies are made, arrive, and nobody who brings them can take them away."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from rempart.backup.place import (
    DUMPS,
    INGEST_KEYS,
    Place,
    canaries_of,
    databases_of,
    places_of,
    places_on,
)
from rempart.policy import Host, Policy
from rempart.policy.backup import Backup, Target
from rempart.verify.machine import AnswerError, Machine
from rempart.verify.proof import Proof

LEDGERS = "/var/lib/rempart-ingest"
NOTED_MINUTES = 120
DRILLED_DAYS = 92
MINUTE = timedelta(minutes=1)

SEALED = {
    "": "750 root",
    "config": "440 root",
    "data": "750 root",
    "data/00": "1770 root",
    "index": "1770 root",
    "keys": "750 root",
    "locks": "1770 root",
    "snapshots": "1770 root",
}
"""Mode and owner of a repository's parts: a host can add objects, and none is its to change."""


@pytest.fixture
def places(policy: Policy, subject: Host) -> tuple[Place, ...]:
    """Where this host's copies go."""
    return places_of(policy, subject)


@pytest.fixture
def repositories(policy: Policy, subject: Host) -> tuple[Place, ...]:
    """What this host keeps for others."""
    return places_on(policy, subject)


@pytest.mark.control("BK-1")
def test_copies_are_made_by_themselves(
    policy: Policy, places: tuple[Place, ...], machine: Machine, proof: Proof
) -> None:
    """Each target has a timer that waits, and the last backup there is whole and young."""
    if not places or policy.backup is None:
        proof.does_not_apply("the policy backs nothing of it up", "policy")
        return
    wrong = []
    for place in places:
        target = place.target.name
        starts = "plugged" if place.target.is_removable else "backup"
        timer = machine.ask(f"systemctl is-active rempart-{starts}@{target}.timer", ok=(0, 3, 4))
        wrong += [f"{target}: its timer is {timer.strip()}"] if timer.strip() != "active" else []
        if not place.target.is_removable:
            wrong += _last(policy.backup, place.target, machine)
    wanted = f"complete within {policy.backup.max_age_hours} h to each target"
    proof.that(not wrong, wanted, ", ".join(wrong) or "so", "systemctl, rempart-backup's result")


@pytest.mark.control("BK-2")
def test_there_are_three_copies(
    policy: Policy, places: tuple[Place, ...], machine: Machine, proof: Proof
) -> None:
    """One in the practice, one elsewhere, one on a disk that is unplugged; each whole and young."""
    if not places or policy.backup is None:
        proof.does_not_apply("the policy backs nothing of it up", "policy")
        return
    wrong = []
    for kind in get_args(Target.model_fields["kind"].annotation):
        targets = [place.target for place in places if place.target.kind == kind]
        found = [_last(policy.backup, target, machine) for target in targets]
        if all(found):
            wrong += [problem for each in found for problem in each] or [f"none {kind}"]
    wanted = "a whole, young copy onsite, offsite and on a removable disk"
    proof.that(not wrong, wanted, ", ".join(wrong) or "so", "rempart-backup's results")


def _last(backup: Backup, target: Target, machine: Machine) -> list[str]:
    """Return what is wrong with a host's last backup to a target."""
    said = machine.ask(f"cat /var/lib/rempart-backup/{target.name}.json", ok=(0, 1))
    oldest = datetime.now(UTC) - backup.max_age(target)
    return [f"{target.name}: {problem}" for problem in _problems(said, oldest)]


def _problems(said: str, oldest: datetime) -> list[str]:
    if not said:
        return ["no backup yet"]
    try:
        result = json.loads(said)
        outcome, ended = str(result["outcome"]), datetime.fromisoformat(result["ended"])
        is_old = ended < oldest
    except (ValueError, TypeError, KeyError) as error:
        raise AnswerError(f"rempart-backup's result cannot be read (got {error!r})") from error
    problems = [] if outcome == "complete" else [outcome]
    return [*problems, f"of {ended:%Y-%m-%d %H:%M}"] if is_old else problems


@pytest.mark.control("BK-5")
def test_canaries_live(policy: Policy, subject: Host, machine: Machine, proof: Proof) -> None:
    """No backup has found a file changed or gone that nobody has a reason to touch."""
    canaries, places = canaries_of(policy, subject), places_of(policy, subject)
    if not canaries or not places:
        proof.does_not_apply("the policy names no canary there", "policy")
        return
    wrong = set()
    for place in places:
        said = machine.ask(f"cat /var/lib/rempart-backup/{place.target.name}.json", ok=(0, 1))
        try:
            wrong |= {str(path) for path in json.loads(said or "{}").get("canaries", ())}
        except (ValueError, TypeError, AttributeError) as error:
            raise AnswerError(f"rempart-backup's result cannot be read (got {error!r})") from error
    wanted = f"as they were first seen: {', '.join(canaries)}"
    proof.that(not wrong, wanted, ", ".join(sorted(wrong)) or "so", "rempart-backup's result")


@pytest.mark.control("BK-4")
def test_copies_were_read_back(places: tuple[Place, ...], machine: Machine, proof: Proof) -> None:
    """Each target's copy was read back within three months, and was as it should be."""
    if not places:
        proof.does_not_apply("the policy backs nothing of it up", "policy")
        return
    oldest = datetime.now(UTC) - timedelta(days=DRILLED_DAYS)
    wrong = []
    for target in (place.target.name for place in places if not place.target.is_removable):
        said = machine.ask(f"cat /var/lib/rempart-backup/{target}.drill.json", ok=(0, 1))
        wrong += [f"{target}: {problem}" for problem in _drill_problems(said, oldest)]
    wanted = f"read back within {DRILLED_DAYS} days from each server"
    proof.that(not wrong, wanted, ", ".join(wrong) or "so", "rempart backup drill's record")


def _drill_problems(said: str, oldest: datetime) -> list[str]:
    if not said:
        return ["never"]
    try:
        result = json.loads(said)
        ended = datetime.fromisoformat(result["ended"])
        well = (result["nonce"], result["different"], result["error"], result["same"] > 0)
        is_old = ended < oldest
    except (ValueError, TypeError, KeyError) as error:
        raise AnswerError(f"the drill's record cannot be read (got {error!r})") from error
    problems = [] if well == (True, [], "", True) else ["not as it should be"]
    return [*problems, f"last on {ended:%Y-%m-%d}"] if is_old else problems


@pytest.mark.control("BK-6")
def test_databases_are_dumped(
    policy: Policy, subject: Host, machine: Machine, proof: Proof
) -> None:
    """Every database that the policy names was dumped before the last backup; none failed."""
    wanted = databases_of(policy, subject)
    if not wanted or policy.backup is None:
        proof.does_not_apply("the policy names no database of it", "policy")
        return
    said = machine.ask(f"cat {DUMPS}/result.json", ok=(0, 1))
    try:
        failed = [str(each) for each in json.loads(said)["failed"]] if said else ["no dump yet"]
    except (ValueError, TypeError, KeyError) as error:
        raise AnswerError(f"{DUMPS}/result.json cannot be read (got {error!r})") from error
    minutes = policy.backup.max_age_hours * 60
    for kind in sorted({each.kind for each in wanted}):
        young = f"find {DUMPS}/{kind} -type f -size +0 -mmin -{minutes} -print -quit"
        failed += [] if machine.ask(young, ok=(0, 1)) else [f"{kind}: no dump of that time"]
    expected = f"dumped within {policy.backup.max_age_hours} h"
    proof.that(not failed, expected, ", ".join(failed) or "so", "find -mmin, rempart-dump's result")


@pytest.mark.control("BK-3")
def test_repositories_are_sealed(
    repositories: tuple[Place, ...], machine: Machine, proof: Proof
) -> None:
    """A host's account owns neither its repository nor its key, which is for one command."""
    if not repositories:
        proof.does_not_apply("it keeps nobody's backups", "policy")
        return
    wrong = []
    for place in repositories:
        paths = shlex.join(f"{place.folder}/{part}".rstrip("/") for part in SEALED)
        seen = machine.ask(f"stat -c '%a %U' -- {paths}", ok=(0, 1)).splitlines()
        is_sealed = seen == list(SEALED.values()) or (place.target.is_removable and not seen)
        wrong += [] if is_sealed else [f"{place.folder}: not sealed"]
        keys = machine.ask(f"cat {INGEST_KEYS}/{place.user}", ok=(0, 1)).splitlines()
        same = [each for each in repositories if each.user == place.user]
        starts = {each.folder: f"{each.key_options()} " for each in same}
        theirs = [line for line in keys if line.startswith(starts[place.folder])]
        wrong += [f"{place.user}: no key for its one command"] if len(theirs) != 1 else []
        wrong += [f"{place.user}: other keys"] if len(keys) > len(starts) else []
    proof.that(not wrong, "root's, with one command each", ", ".join(wrong) or "so", "stat, keys")


@pytest.mark.control("BK-3")
def test_sshd_takes_backup_keys_from_root_alone(
    repositories: tuple[Place, ...], machine: Machine, proof: Proof
) -> None:
    """sshd reads those accounts' keys where root keeps them, and gives them no terminal."""
    if not repositories:
        proof.does_not_apply("it keeps nobody's backups", "policy")
        return
    user = repositories[0].user
    connection = f"user={user},host=x,addr={repositories[0].sources[0]}"
    lines = machine.ask(f"sshd -T -C {connection}").splitlines()
    settings = {key: value for key, _, value in (line.partition(" ") for line in lines)}
    wanted = {
        "authorizedkeysfile": f"{INGEST_KEYS}/%u",
        "permittty": "no",
        "disableforwarding": settings.get("disableforwarding", ""),
        "allowtcpforwarding": "no",
        "passwordauthentication": "no",
    }
    proof.settings(wanted, settings, "sshd -T -C")


@pytest.mark.control("BK-5")
def test_copies_have_arrived(
    policy: Policy, repositories: tuple[Place, ...], machine: Machine, proof: Proof
) -> None:
    """Each repository has a young snapshot by this server's clock."""
    if not repositories or policy.backup is None:
        proof.does_not_apply("it keeps nobody's backups", "policy")
        return
    wrong = []
    for place in repositories:
        young = policy.backup.max_age(place.target)
        came = _came_to_disk if place.target.is_removable else _came
        if not came(machine, place, young):
            wrong.append(f"{place.folder}: no snapshot of the last {young}")
    wanted = f"a snapshot of the last {policy.backup.max_age_hours} h each"
    proof.that(not wrong, wanted, ", ".join(wrong) or "so", "find -cmin, the ledgers of disks")


def _came(machine: Machine, place: Place, young: timedelta) -> bool:
    find = f"find {shlex.quote(place.folder)}/snapshots -type f -cmin -{young // MINUTE}"
    return bool(machine.ask(f"{find} -print -quit", ok=(0, 1)))


def _came_to_disk(machine: Machine, place: Place, young: timedelta) -> bool:
    """Tell what the ledger says: the disk is away."""
    ledger = f"{LEDGERS}/{place.host.name}--{place.target.name}.ledger"
    entry = '"path": "snapshots/[0-9a-f]*", "size": [0-9]*, "ctime": [0-9]*'
    said = machine.ask(f"grep -oE {shlex.quote(entry)} {ledger}", ok=(0, 1, 2))
    newest = max((int(line.rpartition(" ")[2]) for line in said.splitlines()), default=0)
    return datetime.fromtimestamp(newest / 1e9, UTC) > datetime.now(UTC) - young


@pytest.mark.control("BK-5")
def test_arrivals_are_noted(
    repositories: tuple[Place, ...], machine: Machine, proof: Proof
) -> None:
    """The ledger is young, and nothing that had arrived is gone or changed."""
    if not repositories:
        proof.does_not_apply("it keeps nobody's backups", "policy")
        return
    timer = machine.ask("systemctl is-active rempart-ledger.timer", ok=(0, 3, 4)).strip()
    proof.that(timer == "active", "the ledger's timer active", timer, "systemctl is-active")
    always = [place for place in repositories if not place.target.is_removable]
    names = [f"{LEDGERS}/{p.host.name}--{p.target.name}" for p in always]
    young = f"find {shlex.join(f'{name}.ledger' for name in names)} -mmin -{NOTED_MINUTES}"
    count = len(machine.ask(young, ok=(0, 1)).splitlines()) if names else 0
    wanted = f"{len(names)} ledgers younger than {NOTED_MINUTES} minutes"
    proof.that(count == len(names), wanted, count, "find -mmin")
    alarms = machine.ask(f"find {LEDGERS} -name '*.alarms' -size +0").split()
    proof.none(alarms, "no alarm", "find")
