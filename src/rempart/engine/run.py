"""Run: what rempart knows about one host while pyinfra runs: policy, wanted state, what was seen.

pyinfra has no fact cache, so the observation is remembered here, one per phase: the plan's, the one
an execution starts with, and a fresh one after packages were installed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

from pyinfra.api import Host, State, StringCommand
from pyinfra.context import ctx_host, ctx_state

from rempart.engine import foreign, manifest, traits
from rempart.engine.connector import policy_at
from rempart.engine.diff import diff
from rempart.engine.lock import IN_STEP_LEASE_S, Lock, last_run
from rempart.engine.observe import Answer, Unobserved, digest, parse, question
from rempart.engine.printable import printable
from rempart.engine.remote import whole
from rempart.engine.wayin import refusals
from rempart.errors import RempartError
from rempart.hardening import desired
from rempart.policy import Policy
from rempart.resources import Change, Observation, Resource

MOST_OF_REASONS = 2_000
"""Characters."""


class Run:
    """One host's state in a pyinfra run."""

    def __init__(
        self, state: State, host: Host, policy: Policy, today: date, lock: Lock | None = None
    ) -> None:
        self.state = state
        self.host = host
        self.policy = policy
        self.today = today
        self.lock = lock or Lock()
        self.holds_lock = False
        """A command that takes the host's lock was made, and none yet that gives it back."""
        self.subject = policy.host(host.data.rempart_host)
        self.packages_changed = False
        self.done: list[str] = []
        """Labels of the changes made so far."""
        self.error: str | None = None
        self._seen: dict[str, Answer] = {}
        self._changes: dict[str, list[Change]] = {}

    @cached_property
    def desired(self) -> Sequence[Resource]:
        """Return what this host should have; empty while its traits are not recorded."""
        if self.subject.traits is None:
            return ()
        return desired(self.policy, self.subject, self.subject.traits, self.today)

    @property
    def phase(self) -> str:
        """Return which observation counts now."""
        if self.packages_changed:
            return "after packages"
        return "execute" if self.state.is_executing else "plan"

    @property
    def seen(self) -> Answer:
        """Return the phase's observation, asking the host for it once."""
        if self.phase not in self._seen:
            self._seen[self.phase] = self._observe()
        return self._seen[self.phase]

    def _observe(self) -> Answer:
        if self.subject.traits is None:
            return Unobserved("not enrolled yet; run rempart enroll first")
        command = self.question()
        ok, output = self.host.run_shell_command(command, **command.connector_arguments)
        if not ok:
            return self._no_answer(output.stderr_lines)
        answer = parse(output.stdout_lines, self.desired)
        if isinstance(answer, Unobserved):
            return answer
        try:
            return self._accepted(answer)
        except manifest.NewerError as error:
            return Unobserved(str(error))
        except (RempartError, ValueError, LookupError, ArithmeticError, RecursionError) as error:
            # What a host writes into JSON arrives here unseen by the transport.
            return Unobserved(f"its answer makes no sense ({printable(str(error))[:200]})")

    def question(self) -> StringCommand:
        """Return the one command that observes this host."""
        return question(self.desired)

    def _no_answer(self, said: Sequence[str]) -> Unobserved:
        word = said[-1] if said else "no word"
        own = f"{self.host.name}: "  # the transport's errors name the host and what to do
        return Unobserved(
            word.removeprefix(own)
            if word.startswith(own)
            else f"observing it failed (got {word[:200]}); see there whether the automation account"
            " may use sudo, or run rempart enroll again"
        )

    def _accepted(self, seen: Observation) -> Answer:
        """Refuse a host that is not what the inventory says, or that a change would lock."""
        reasons = unconfirmed(seen)
        reasons += traits.mismatches(self.policy, self.subject, seen.facts.get("trait", {}))
        if not reasons:
            reasons = refusals(self.policy, self.subject, self.desired, seen)
            reasons += foreign.refusals(self.policy, self.subject, seen)
        self._changes[self.phase] = diff(self.desired, seen)
        return unobserved(reasons) if reasons else seen

    @property
    def observation(self) -> Observation:
        """Return what was seen; only called where the host was observed."""
        seen = self.seen
        assert isinstance(seen, Observation)
        return seen

    @property
    def changes(self) -> list[Change]:
        """Return what is to do on this host by the phase's observation, in order."""
        if self.phase not in self._changes:
            self._changes[self.phase] = diff(self.desired, self.observation)
        return self._changes[self.phase]

    def change(self, change_id: str) -> Change | None:
        """Return one change by its id, or None where the object is as wanted."""
        return next((change for change in self.changes if change.id == change_id), None)

    @property
    def owned(self) -> manifest.Manifest:
        """Return the host's manifest."""
        return manifest.load(self.observation)

    @property
    def seen_digest(self) -> str:
        """Return the digest of the phase's observation, for the stale-plan check."""
        return digest(self.observation, self.desired)

    def locked(self, body: str, *libraries: str, timeout_s: int | None = None) -> StringCommand:
        """Return the command that changes the host: as root, and only while this run is its own."""
        self.holds_lock = self.holds_lock or self.state.is_executing
        decided_from = self._seen.get("execute") or self.seen
        seen = last_run(decided_from) if isinstance(decided_from, Observation) else ""
        return as_root(self.lock.around(body, seen), "lock", *libraries, timeout_s=timeout_s)


def unobserved(reasons: Sequence[str]) -> Unobserved:
    """Return that a host may not be looked after, and why; a hostile one has endless reasons."""
    return Unobserved("; ".join(reasons)[:MOST_OF_REASONS])


def unconfirmed(seen: Observation) -> list[str]:
    """Refuse a host with an armed guard: what is seen there may be undone at any moment."""
    reasons = []
    for guard, (owner, *trigger) in seen.facts.get("guard", {}).items():
        what = f"a change by {owner} is not confirmed yet, its guard is {guard}"
        # Its revert was killed, or could not put everything back; going on is safe at any time.
        todo = (
            "the next boot goes on with it, or, as root there: sh /var/lib/rempart/guard/revert now"
        )
        said = [f" ({'; '.join(_left(seen))})"] if seen.facts.get("left") else []
        reasons.append(f"{what}{''.join(said)}; {'wait for it' if trigger == ['live'] else todo}")
    return reasons


def left_as_it_is(seen: Observation) -> tuple[str, ...]:
    """Return what the last revert there did not put back for good, for people."""
    listed = "/var/lib/rempart/guard/left"
    until = f" (told until the next guarded change, or until {listed} is removed there)"
    return tuple(f"an undone change left something behind: {each}{until}" for each in _left(seen))


def _left(seen: Observation) -> list[str]:
    told = list(seen.facts.get("left", {}).values())[:50]
    return [printable((*fields, "")[0][:300]) for fields in told]


_runs: WeakKeyDictionary[Host, Run] = WeakKeyDictionary()


def adopt(run: Run) -> Run:
    """Make a run the one of its host."""
    _runs[run.host] = run
    return run


def current_run() -> Run:
    """Return the run of pyinfra's current host.

    Keyed by the real host: ``pyinfra.host`` is a proxy that points elsewhere in every greenlet.
    """
    host: Host = ctx_host.get()  # type: ignore[no-untyped-call]  # pyinfra's context has no types
    if host not in _runs:
        lock = Lock(lease_s=IN_STEP_LEASE_S)
        policy = policy_at(host.data.rempart_policy)
        _runs[host] = Run(_current_state(), host, policy, date.today(), lock)
    return _runs[host]


def _current_state() -> State:
    state: State = ctx_state.get()  # type: ignore[no-untyped-call]  # as above
    return state


def as_root(body: str, *libraries: str, timeout_s: int | None = None) -> StringCommand:
    """Return the command that runs sh as root; everything goes through stdin, nothing into argv.

    Without ``timeout_s`` the connector's own limit holds.
    """
    limit: dict[str, Any] = {"_timeout": timeout_s} if timeout_s else {}
    return StringCommand("sh", "-s", _stdin=whole(body, *libraries), _sudo=True, **limit)
