"""One host's enrolment, step by step; each step leaves nothing behind when a later one fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rempart.engine.transport import connect
from rempart.enroll.account import check_source, make_account, prove
from rempart.enroll.error import EnrollError
from rempart.enroll.root import LOGIN_TIMEOUT_S, automation_root, person_root
from rempart.enroll.trust import trust
from rempart.policy import Host, Policy, Traits, record_traits

__all__ = ["EnrollError", "Enrolled", "Person", "enroll", "in_order"]


@dataclass(frozen=True)
class Person:
    """Who enrols: what they know, and what they are asked.

    ``password`` gets ``user@practice/host``; ``confirm`` gets a question about a host key.
    """

    user: str
    password: Callable[[str], str]
    confirm: Callable[[str], bool]
    fingerprint: str | None = None


@dataclass(frozen=True)
class Enrolled:
    """A host that is enrolled now; ``changes`` is empty when it was before."""

    host: str
    changes: tuple[str, ...]
    traits: dict[str, str]


def enroll(policy: Policy, host: Host, person: Person, progress: Callable[[str], None]) -> Enrolled:
    """Pin the host's key, make and prove the automation account, record the traits.

    A host whose automation account works already is asked for no password.

    Raises:
        RempartError: one line; the host is as it was, or enrolling again completes it.
    """
    route = policy.route(host)
    changes = []
    first_contact = trust(route, person.fingerprint, person.confirm)
    if first_contact:
        changes.append(f"host key pinned in {route.known_hosts}")
    root = None if first_contact else automation_root(route)
    if root is None:
        whose = f"{person.user}@{route.name}"
        root = person_root(route, person.user, lambda: person.password(whose))
    with root.connection as connection:
        progress(f"logged in as {connection.route.user}")
        check_source(connection, policy, host)
        changes += make_account(root, policy, host)
    with connect(route, LOGIN_TIMEOUT_S) as connection:
        traits = prove(connection, policy, host)
    progress("key login and sudo proven")
    if record_traits(policy.path, host.name, Traits.model_validate(traits)):
        changes.append(f"traits recorded in {policy.path}")
    return Enrolled(route.name, tuple(changes), traits)


def in_order(policy: Policy, hosts: Iterable[Host]) -> list[Host]:
    """Return the hosts, each jump host before those behind it; otherwise in the given order."""

    def depth(host: Host) -> int:
        return 0 if host.jump is None else 1 + depth(policy.host(host.jump))

    return sorted(hosts, key=depth)
