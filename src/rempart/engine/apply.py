"""Apply: carry a plan out, each host by itself, and refuse what is no longer what was planned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date

import gevent
from pyinfra.api.exceptions import NestedOperationError

from rempart.engine import foreign
from rempart.engine.deploy import Deploy
from rempart.engine.guard import GRACE_S, Guard
from rempart.engine.lock import at_work, left_behind
from rempart.engine.plan import HostPlan, PlannedChange, host_plan
from rempart.engine.run import Run, left_as_it_is
from rempart.engine.session import each_host
from rempart.errors import RempartError
from rempart.hardening import CONCERNS
from rempart.policy import Policy

GUARDED = "guarded changes"

Step = Callable[[str, str], None]
"""Is told which host is at what."""

Tell = Callable[[str], None]
"""Is told what its host is at."""


@dataclass(frozen=True)
class HostResult:
    """What an apply came to on one host."""

    host: str
    changed: tuple[str, ...] = ()
    decided_while_applying: tuple[str, ...] = ()
    error: str = ""
    notes: tuple[str, ...] = ()
    """What a person should know besides."""


def apply(
    policy: Policy,
    names: Sequence[str],
    today: date,
    planned: dict[str, HostPlan],
    window_s: int,
    step: Step,
) -> Iterator[HostResult]:
    """Apply hosts side by side and yield each one's result as it comes.

    ``planned`` holds the reviewed plans by host id; ``step(host, what)`` is told of progress.
    """

    def work(run: Run) -> HostResult:
        return _apply_host(
            run, planned.get(run.host.name), Guard(run.lock, window_s=window_s), step
        )

    return each_host(
        policy,
        names,
        today,
        work,
        lambda host, reason: HostResult(host, error=reason),
        executing=True,
    )


def _apply_host(run: Run, planned: HostPlan | None, guard: Guard, step: Step) -> HostResult:
    name = run.host.name
    step(name, "observing")
    now = host_plan(run)
    refusal = refused(run, planned, now)
    if refusal:
        return HostResult(name, error=refusal)
    seen = run.observation
    notes = (*left_as_it_is(seen), *foreign.notes(run.desired, seen))
    if not now.changes:
        return HostResult(name, notes=notes)
    left = left_behind(run.observation)
    notes += (f"took over the lock of a run that ended without a word: {left}",) if left else ()
    deploy = Deploy(guard=guard)
    error = attempt(deploy, step, lambda tell: _steps(deploy, tell))
    planned_labels = {change.label for change in now.changes}
    late = tuple(label for label in run.done if label not in planned_labels)
    return HostResult(name, tuple(run.done), late, error, notes)


def attempt(deploy: Deploy, step: Step, steps: Callable[[Tell], None]) -> str:
    """Carry a run's steps out, which ``tell`` what they are at; return what ended them, or ''."""
    run, at = deploy.run, [""]

    def tell(what: str) -> None:
        at.append(what)
        step(run.host.name, what)

    try:
        steps(tell)
    except NestedOperationError as failed:
        return run.error or _said(run, str(failed))
    except RempartError as failed:
        return str(failed)
    except gevent.GreenletExit:
        return _interrupted(run.host.name, at[-1], deploy.guard.window_s)
    finally:
        if run.holds_lock:  # whatever ended the run stands, also where the host is out of reach
            with suppress(NestedOperationError, RempartError):
                deploy.journal()
    return ""


def _interrupted(name: str, at: str, window_s: int) -> str:
    guarded = (
        f"; what of the guarded part was made and not confirmed, the host undoes by itself within"
        f" {window_s + GRACE_S} s"
    )
    undone = guarded if at == GUARDED else "; what was under way may still be made"
    return f"{name}: interrupted at: {at}{undone}; plan again"


def refused(run: Run, planned: HostPlan | None, now: HostPlan) -> str:
    """Return why this run may not begin, or ''; what is not seen here the host refuses."""
    busy = "" if now.error else at_work(run.observation)
    if busy:
        return f"{run.host.name}: nothing was done: {busy}"
    return now.error or stale(planned, now)


def _said(run: Run, op_hash: str) -> str:
    """Return which operation failed and the end of what the host said about it."""
    name = ", ".join(run.state.get_op_meta(op_hash).names)
    lines = run.state.get_op_data_for_host(run.host, op_hash).operation_meta.stderr_lines
    words = "; ".join(line[:200] for line in lines[-4:]) or "no word from the host"
    return f"{run.host.name}: {name}: failed: {words}"


def _steps(deploy: Deploy, tell: Tell) -> None:
    tell("packages")
    deploy.claim()
    deploy.packages()
    tell("configuration")
    deploy.change(*CONCERNS)
    tell(GUARDED)
    deploy.guarded(*CONCERNS)
    tell("recording")
    deploy.settle()


def stale(planned: HostPlan | None, now: HostPlan) -> str:
    """Return why a host is no longer what its plan was made from, or ''."""
    if planned is None:
        return f"{now.host}: is not in the plan; plan again"
    if planned.error:
        return f"{now.host}: could not be planned: {planned.error}"
    if planned.observed != now.observed:
        return f"{now.host}: has changed since the plan was made; nothing was done; plan again"
    if list(map(_reviewed, planned.changes)) != list(map(_reviewed, now.changes)):
        # Another day (keys end), another version of rempart, or an edited plan.
        return (
            f"{now.host}: would now make other changes than the plan shows; nothing was done;"
            " plan again"
        )
    return ""


def _reviewed(change: PlannedChange) -> PlannedChange:
    """Return what of a change must be as it was reviewed: all but the versions that apt offers."""
    install = change.id.startswith("package:") and change.action == "create"
    return replace(change, diff=()) if install else change
