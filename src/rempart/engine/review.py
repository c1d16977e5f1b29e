"""Access review (AC-6): who can get into which host, by which ways, since when and until when.

What the policy says stands beside what the host says; an account that only the host knows is a row
of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from rempart.engine.observe import Unobserved, parse, question
from rempart.engine.printable import printable
from rempart.engine.run import Run
from rempart.engine.session import each_host
from rempart.hardening.accounts import SUDO_GROUP, key_lines
from rempart.policy import Host, Policy
from rempart.resources import Observation
from rempart.resources.roster import Roster
from rempart.resources.user import EPOCH


@dataclass(frozen=True)
class Access:
    """One account on one host.

    ``wanted`` is ``open``, ``closed`` or ``unknown`` by the policy, ``seen`` is ``open``,
    ``closed`` or ``missing`` on the host, empty where the host could not be asked. ``ways`` are
    ``screen``, ``ssh (n keys)`` and ``sudo``.
    """

    host: str
    login: str
    name: str
    role: str
    ways: tuple[str, ...]
    since: date | None
    until: date | None
    wanted: str
    seen: str = ""


@dataclass(frozen=True)
class HostReview:
    """All accounts of one host; ``error`` says why the host's own side is missing."""

    host: str
    accounts: tuple[Access, ...]
    error: str = ""


def review(policy: Policy, names: Sequence[str], today: date) -> Iterator[HostReview]:
    """Ask hosts side by side who has an account there, and yield each one's table as it comes."""

    def work(run: Run) -> HostReview:
        roster = [Roster(concern="accounts", known=())]
        command = question(roster)
        ok, said = run.host.run_shell_command(command, **command.connector_arguments)
        seen = parse(said.stdout_lines, roster) if ok else Unobserved("; ".join(said.stderr_lines))
        if isinstance(seen, Unobserved):
            return unseen(run.host.name, seen.reason)
        return HostReview(run.host.name, tuple(compare(policy, run.subject, today, seen)))

    def unseen(host: str, reason: str) -> HostReview:
        subject = policy.host(host.partition("/")[2])
        return HostReview(host, tuple(_wanted(policy, subject, today)), printable(reason))

    return each_host(policy, names, today, work, unseen)


def compare(policy: Policy, host: Host, today: date, seen: Observation) -> Iterator[Access]:
    """Yield a host's accounts, the policy's first, with what is seen of each there."""
    there = seen.facts.get("account", {})
    rows = {row.login: row for row in _wanted(policy, host, today)}
    for login, row in rows.items():
        state = _state(there[login][0], today) if login in there else "missing"
        yield replace(row, seen=state)
    for login in sorted(there.keys() - rows.keys()):
        where, state = policy.host_id(host), _state(there[login][0], today)
        yield Access(where, printable(login), "", "", (), None, None, "unknown", state)


def _state(expires: str, today: date) -> str:
    """Return ``closed`` from the day in shadow(5) on, which is counted from 1970-01-01."""
    over = expires.isdecimal() and len(expires) < 10 and int(expires) <= (today - EPOCH).days
    return "closed" if over else "open"


def _wanted(policy: Policy, host: Host, today: date) -> Iterator[Access]:
    keys = key_lines(policy, host, today)
    where = policy.host_id(host)
    for technician in policy.technicians(today):
        ways = _ways(len(keys.get(technician.login, ())), sudo=True)
        yield Access(where, technician.login, technician.name, "technician", ways,
                     technician.from_, technician.until, "open")  # fmt: skip
    for person in policy.people_on(host, today):
        sudo = person.role == "administrator"
        ways = _ways(len(keys.get(person.login, ())), sudo=sudo)
        yield Access(where, person.login, person.name, person.role, ways,
                     person.from_, person.until, "open")  # fmt: skip
    for leaver in policy.leavers_on(host, today):
        yield Access(where, leaver.login, leaver.name, "left", (),
                     leaver.from_, leaver.until, "closed")  # fmt: skip
    for kept in policy.accounts.kept:
        if kept.login in policy.kept_on(host):
            yield Access(where, kept.login, kept.reason, "kept", ("screen",), None, None, "open")


def _ways(keys: int, *, sudo: bool) -> tuple[str, ...]:
    ssh = (f"ssh ({keys} key{'s' * (keys != 1)})",) if keys else ()
    return ("screen", *ssh, *((SUDO_GROUP,) if sudo else ()))
