"""Steps: give back what was there before, prove a new login, then take our own way in away.

The promise: our account goes last, after the guarded part was confirmed over a new connection and
an administrator was seen who can still get in; otherwise it stays. A release that was interrupted
is run again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

from pyinfra.api import operation

from rempart.engine.apply import GUARDED, HostResult, Step, Tell, attempt, refused
from rempart.engine.deploy import AT_ONCE, Deploy, Item
from rempart.engine.guard import Guard
from rempart.engine.observe import Unobserved
from rempart.engine.operations import APT_TIMEOUT_S, Commands, in_one_command
from rempart.engine.plan import HostPlan, host_plan
from rempart.engine.route import Route
from rempart.engine.run import Run
from rempart.engine.session import each_host
from rempart.engine.transport import LoginError, connect
from rempart.errors import RempartError
from rempart.hardening import CONCERNS
from rempart.policy import Host, Policy
from rempart.release.leave import LAST
from rempart.release.run import Release

GONE_TIMEOUT_S = 90
"""Until the account is gone for good; apt may have a package to remove meanwhile."""


def make_plan(
    policy: Policy, names: Sequence[str], today: date, kind: type[Release]
) -> Iterator[HostPlan]:
    """Observe hosts side by side and yield what leaving each would change, as it comes.

    Raises:
        RempartError: a host would be cut off, because the way to it leads through another.
    """
    for name in names:
        _refuse_cutting_off(policy, name, names)
    return each_host(
        policy, names, today, _plan, lambda host, reason: HostPlan(host, error=reason), kind=kind
    )


def _plan(run: Run) -> HostPlan:
    plan = host_plan(run)
    notes = run.notes if isinstance(run, Release) and not plan.error else ()
    return replace(plan, packages_first=False, notes=(*plan.notes, *notes))


def release(
    policy: Policy,
    names: Sequence[str],
    today: date,
    planned: dict[str, HostPlan],
    window_s: int,
    step: Step,
    kind: type[Release],
) -> Iterator[HostResult]:
    """Leave hosts, those behind others first, and yield each one's result as it comes.

    ``planned`` holds the plans that were shown, by host id; ``step(host, what)`` hears of progress.
    """
    failed: set[str] = set()

    def work(run: Run) -> HostResult:
        assert isinstance(run, Release)
        return _leave(run, planned.get(run.host.name), Guard(run.lock, window_s=window_s), step)

    for hosts in _deepest_first(policy, names):
        cut = {host.name for host in hosts if _behind(policy, host.name) & failed}
        for name in sorted(cut):
            reason = f"{policy.practice.name}/{name}: stays: a host behind it could not be released"
            yield HostResult(f"{policy.practice.name}/{name}", error=reason)
        results = each_host(
            policy, [host.name for host in hosts if host.name not in cut], today, work,
            lambda host, reason: HostResult(host, error=reason), executing=True, kind=kind,
        )  # fmt: skip
        for result in results:
            failed |= {result.host.partition("/")[2]} if result.error else set()
            yield result
        failed |= cut


def _behind(policy: Policy, name: str) -> set[str]:
    return {host.name for host in policy.hosts if host.jump == name}


def _refuse_cutting_off(policy: Policy, name: str, names: Sequence[str]) -> None:
    left = sorted(_behind(policy, name) - set(names))
    if left:
        raise RempartError(
            f"{policy.practice.name}/{name}: is the way to {', '.join(left)}; release those too,"
            f" or remove them from {policy.path} first"
        )


def _deepest_first(policy: Policy, names: Sequence[str]) -> list[list[Host]]:
    """Return the hosts in groups: every host before the one that the way to it leads through."""
    levels: dict[int, list[Host]] = {}
    for host in map(policy.host, names):
        depth, hop = 0, host
        while hop.jump:
            depth, hop = depth + 1, policy.host(hop.jump)
        levels.setdefault(depth, []).append(host)
    return [levels[depth] for depth in sorted(levels, reverse=True)]


class Leaving(Deploy):
    """The steps of a release; packages come last, for the guarded part needs them."""

    def _items(self, concerns: tuple[str, ...], *, risky: bool) -> list[Item]:
        return [
            Item(change.id, "leftovers", change.label, risky, (0, (index,), change.id))
            for index, change in enumerate(self.run.changes)
            if change.risky == risky and change.id != LAST
        ]

    def give_up(self) -> None:
        """Make the changes that cannot lock anybody out."""
        names = [item.id for item in self._items((), risky=False)]
        for start in range(0, len(names), AT_ONCE):
            some = names[start : start + AT_ONCE]
            self._declare(f"Leftovers | From {some[0]}", give_up, self.run, some)


@operation()
def give_up(run: Run, change_ids: Sequence[str]) -> Commands:
    """Give objects up, in this order, up to the first that fails."""
    changes = [change for change in map(run.change, change_ids) if change]
    yield from in_one_command(run, changes, "tidy", "leave", timeout_s=APT_TIMEOUT_S)


def _leave(run: Release, planned: HostPlan | None, guard: Guard, step: Step) -> HostResult:
    name = run.host.name
    step(name, "observing")
    now = host_plan(run)
    refusal = refused(run, planned, now)
    if refusal:
        return HostResult(name, error=refusal)
    deploy = Leaving(guard=guard)
    notes: list[str] = []

    def steps(tell: Tell) -> None:
        _give_everything_up(run, deploy, tell)
        tell("leaving")
        notes.extend(_farewell(run))

    error = attempt(deploy, step, steps)
    return HostResult(name, tuple(run.done), error=error, notes=tuple(notes))


def _give_everything_up(run: Release, deploy: Leaving, tell: Tell) -> None:
    tell(GUARDED)
    deploy.guarded(*CONCERNS)
    run.switched = True
    tell("looking again")
    if isinstance(run.seen, Unobserved):
        raise RempartError(
            f"{run.host.name}: {run.seen.reason}; the account {run.leaver.user} stays"
        )
    tell("other changes")
    deploy.give_up()


def _farewell(run: Release) -> tuple[str, ...]:
    """Take our way in away and prove that it is gone; return what a person should know."""
    last = run.change(LAST)
    assert last
    ways = run.notes
    command = run.locked(last.script, "tidy", "leave")
    ok, output = run.host.run_shell_command(command, **command.connector_arguments)
    if not ok or output.stdout_lines[-1:] != ["leaving"]:
        said = "; ".join(output.stderr_lines[-3:]) or "no word from the host"
        raise RempartError(f"{run.host.name}: leaving: failed: {said[:500]}; release it again")
    kept = [line.partition("\t")[2] for line in output.stdout_lines if line.startswith("kept\t")]
    run.holds_lock = False  # it goes with the rest
    run.host.disconnect()
    _await_gone(run.policy.route(run.subject))
    run.done.append(last.label)
    homes = tuple(f"{path}: not empty, so it stays, for root alone" for path in kept)
    return (*ways, *homes, _still_listed(run))


def _still_listed(run: Run) -> str:
    known_hosts = run.policy.route(run.subject).known_hosts
    return (
        f"the inventory still lists it: remove hosts[{run.subject.name}] and what names it from"
        f" {run.policy.path}, and {known_hosts}"
    )


def _await_gone(route: Route) -> None:
    """Return when the host refuses our login; raise RempartError when it never did."""
    deadline = time.monotonic() + GONE_TIMEOUT_S
    last = "the account still logs in"
    while time.monotonic() < deadline:
        time.sleep(1)
        try:
            connect(route).close()
        except LoginError:
            return
        except RempartError as error:
            last = str(error)
    raise RempartError(
        f"{route.name}: it was told to take our account away, which could not be seen ({last});"
        f" on its console: systemctl status rempart-farewell, id {route.user}"
    )
