"""Running backups now: the host's own units do it, as their timers would."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from rempart.backup.ask import ask, document
from rempart.backup.place import Place
from rempart.engine.run import Run
from rempart.engine.session import each_host
from rempart.policy import Policy
from rempart.resources.base import call

LONGEST_S = 24 * 3600


class Outcome(BaseModel):
    """What a host says of its last backup to a target."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    outcome: Literal["complete", "partial", "failed"]
    snapshot: str | None = None
    nonce: str = ""
    """What this backup alone has in it."""
    files: int | None = None
    bytes: int | None = None
    missing: tuple[str, ...] = ()
    undumped: tuple[str, ...] = ()
    """Databases of which there is no dump of this time, and why."""
    canaries: tuple[str, ...] = ()
    """Files that nobody should touch, and somebody has, or they are gone."""
    unread: tuple[str, ...] = ()
    unread_count: int = 0
    error: str = ""


@dataclass(frozen=True)
class Ran:
    """What came of one host: by target, or why there is nothing."""

    host: str
    targets: dict[str, Outcome]
    error: str = ""


def run_backups(policy: Policy, places: Sequence[Place], today: datetime.date) -> Iterator[Ran]:
    """Back up to each place now, hosts side by side, one target of a host after the other."""
    hosts = sorted({place.host.name for place in places})

    def work(run: Run) -> Ran:
        targets = [place.target.name for place in places if place.host == run.subject]
        lines = ask(run, "".join(call("back_up", name) for name in targets), LONGEST_S)
        answers = {line[1]: line[2] for line in lines if line[0] == "result" and len(line) == 3}
        return Ran(run.host.name, {name: _read(answers.get(name, "")) for name in targets})

    return each_host(policy, hosts, today, work, lambda host, why: Ran(host, {}, why))


def _read(encoded: str) -> Outcome:
    if not encoded:
        why = (
            "it did not run, or its disk is not plugged in; see there: journalctl -t rempart-backup"
        )
        return Outcome(outcome="failed", error=why)
    found: dict[str, Any] = document(encoded)
    try:
        return Outcome.model_validate(found)
    except ValidationError:
        return Outcome(outcome="failed", error="its result makes no sense")
