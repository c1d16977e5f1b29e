"""Plan: what would change on each host, as a file that can be reviewed and then applied."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from pydantic import TypeAdapter

from rempart import __version__
from rempart.engine import foreign
from rempart.engine.lock import at_work, left_behind
from rempart.engine.observe import Unobserved
from rempart.engine.run import Run, left_as_it_is
from rempart.engine.session import each_host
from rempart.errors import RempartError
from rempart.policy import Policy
from rempart.resources import Change, Observation

SCHEMA = 1


@dataclass(frozen=True)
class PlannedChange:
    """What a person reads of one change; the script is not part of a plan."""

    id: str
    concern: str
    controls: tuple[str, ...]
    action: str
    label: str
    diff: tuple[str, ...]
    risky: bool


@dataclass(frozen=True)
class HostPlan:
    """One host's part: its changes, or the reason why it could not be planned."""

    host: str
    observed: str = ""
    changes: tuple[PlannedChange, ...] = ()
    error: str = ""
    packages_first: bool = False
    """Packages change first; what follows from them is decided only while applying."""
    notes: tuple[str, ...] = ()
    """What a person should know beside the changes; it stops nothing."""


@dataclass(frozen=True)
class Plan:
    """A plan of one practice."""

    inventory: str
    policy_digest: str
    hosts: tuple[HostPlan, ...]
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @property
    def exit_code(self) -> int:
        """Return 0 for nothing to change, 2 for changes, 1 when a host could not be planned."""
        if any(host.error for host in self.hosts):
            return 1
        return 2 if any(host.changes for host in self.hosts) else 0

    def to_json(self) -> str:
        """Return the plan as the text of its file."""
        document = {"schema": SCHEMA, "rempart": __version__, **asdict(self)}
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def make_plan(policy: Policy, names: Sequence[str], today: date) -> Iterator[HostPlan]:
    """Observe hosts side by side and yield each one's plan as it comes."""
    return each_host(
        policy, names, today, host_plan, lambda host, reason: HostPlan(host, error=reason)
    )


def host_plan(run: Run) -> HostPlan:
    """Return the plan of one connected host."""
    if isinstance(run.seen, Unobserved):
        return HostPlan(run.host.name, error=f"{run.host.name}: {run.seen.reason}")
    return HostPlan(
        host=run.host.name,
        observed=run.seen_digest,
        changes=tuple(map(_planned, run.changes)),
        packages_first=any(change.id.startswith("package:") for change in run.changes),
        notes=(*_notes(run.seen), *foreign.notes(run.desired, run.seen)),
    )


def _notes(seen: Observation) -> tuple[str, ...]:
    left = left_behind(seen)
    taken_over = f"{left}; the next run takes its lock over" if left else ""
    notes = (at_work(seen), taken_over, *left_as_it_is(seen))
    return tuple(note[: foreign.MOST_OF_A_NOTE] for note in notes if note)


def _planned(change: Change) -> PlannedChange:
    return PlannedChange(
        change.id, change.concern, change.controls, change.action, change.label, change.diff,
        change.risky,
    )  # fmt: skip


def read_plan(path: Path) -> Plan:
    """Return a plan from its file; RempartError when the file is none."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document.pop("schema") != SCHEMA:
            raise RempartError(f"{path}: a plan of another version of rempart; plan again")
        del document["rempart"]
        return TypeAdapter(Plan).validate_python(document)
    except OSError as error:
        raise RempartError(f"{path}: cannot be read ({error.strerror}); name a plan file") from None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise RempartError(f"{path}: is no plan of rempart; make one with rempart plan") from error
