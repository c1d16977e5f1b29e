"""Drill: every copy is proven by bytes that come back from it, and the times that takes (BK-4).

A fresh nonce is backed up, and read back with a random sample of files, which the host compares
with its own: what is compared never leaves the practice.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, ValidationError

from rempart.backup.ask import ask, document
from rempart.backup.place import Place
from rempart.backup.start import LONGEST_S, Ran
from rempart.backup.status import Row
from rempart.engine.run import Run
from rempart.engine.session import each_host
from rempart.engine.transport import TransportError
from rempart.policy import Policy
from rempart.resources.base import call, encoded

FILES, BYTES = 50, 256 * 1024 * 1024
"""How large a sample is at most."""


class Comparison(BaseModel):
    """What a host says of what it read back from a target."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    nonce: bool
    files: int
    empty: tuple[str, ...]
    """Wanted paths of which no file is in the backup."""
    same: int
    changed_here: int
    different: tuple[str, ...]
    bytes: int
    seconds: float
    error: str


@dataclass(frozen=True)
class ReadBack:
    """What came of one host: by target, or why there is nothing."""

    host: str
    targets: dict[str, Comparison]
    error: str = ""


@dataclass(frozen=True)
class Drilled:
    """What a drill proved of a host's copies at a target: all is well where ``wrong`` is empty."""

    host: str
    target: str
    wrong: tuple[str, ...]
    rpo_s: int | None = None
    """Age of the newest copy before the drill, by the server's clock: what would have been lost."""
    read: Comparison | None = None


def read_back(
    policy: Policy,
    places: Sequence[Place],
    ran: Sequence[Ran],
    today: datetime.date,
    within_s: int,
    sabotage: str = "",
) -> Iterator[ReadBack]:
    """Have each host read a sample of the backup that has just been made back from each place.

    One that takes more than ``within_s`` seconds has failed: restic retries what is lost. What is
    read may be spoilt by ``sabotage``, a way that ``rempart.backup.sabotage`` names.
    """
    outcomes = {each.host: each.targets for each in ran}

    def work(run: Run) -> ReadBack:
        script = ""
        for place in places:
            if place.host == run.subject:
                made = outcomes[run.host.name].get(place.target.name)
                if made is None or not made.snapshot:
                    continue
                order = {
                    "snapshot": made.snapshot,
                    "nonce": made.nonce,
                    "within_s": within_s,
                    "files": FILES,
                    "bytes": BYTES,
                    "sabotage": sabotage,
                }
                text = json.dumps(order)
                script += call("drill", place.target.name, stdin=encoded(text))
        lines = ask(run, script, LONGEST_S) if script else []
        answers = {line[1]: line[2] for line in lines if line[0] == "drilled" and len(line) == 3}
        return ReadBack(run.host.name, {name: _parsed(said) for name, said in answers.items()})

    hosts = sorted({place.host.name for place in places})
    return each_host(policy, hosts, today, work, lambda host, why: ReadBack(host, {}, why))


def _parsed(encoded_answer: str) -> Comparison:
    try:
        return Comparison.model_validate(document(encoded_answer))
    except ValidationError:
        raise TransportError("its answer makes no sense") from None


def judged(
    before: Sequence[Row],
    ran: Sequence[Ran],
    read: Sequence[ReadBack],
    after: Sequence[Row],
    now: datetime.datetime,
) -> list[Drilled]:
    """Return what each place is proven to have, and what is wrong; rows are the ledgers'. Pure."""
    made = {each.host: each for each in ran}
    back = {each.host: each for each in read}
    found = []
    for old, new in zip(before, after, strict=True):
        host, target = old.host, old.target
        outcome = made[host].targets.get(target)
        comparison = back[host].targets.get(target)
        wrong = [text for text in (made[host].error, back[host].error) if text]
        if outcome is None or outcome.outcome == "failed":
            wrong += ["the backup failed"]
        elif outcome.outcome == "partial":
            wrong += ["the backup is partial"]
        wrong += [f"canary changed or gone: {path}" for path in outcome.canaries] if outcome else []
        if new.newest is None or (old.newest is not None and new.newest <= old.newest):
            wrong += ["nothing new has arrived at the server"]
        wrong += [f"{new.outcome}: {new.detail}"] if new.outcome not in ("fresh", "late") else []
        wrong += differences(comparison) if comparison else ["nothing was read back"]
        age = int((now - old.newest).total_seconds()) if old.newest else None
        found.append(Drilled(host, target, tuple(wrong), age, comparison))
    return found


def differences(read: Comparison) -> list[str]:
    """Return what is wrong with what was read back. Pure."""
    if read.error:
        return [f"reading it back failed: {read.error.splitlines()[-1][:200]}"]
    wrong = [] if read.nonce else ["the nonce of this very backup did not come back"]
    wrong += [f"differs from the file: {path}" for path in read.different[:10]]
    wrong += [f"no file of it is in the backup: {path}" for path in read.empty]
    if not read.same:
        wrong += ["no file could be compared"]
    return wrong
