"""FW-1 to FW-3 from outside: what answers the controller and another host of the practice."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from rempart.errors import RempartError
from rempart.policy import Host, Policy
from rempart.verify import mdns, reach, sockets
from rempart.verify.attempt import Target
from rempart.verify.eyes import Controller, Eyes, Peer, listener_command, tried_from
from rempart.verify.machine import AnswerError, Machine
from rempart.verify.proof import Proof

LISTENER_S = 60
CONTROLLER, PEER = "the controller", "another host"


@dataclass(frozen=True)
class View:
    """What somebody outside saw: by address the source it saw him come from, and what is open."""

    eyes: str
    sources: dict[str, str]
    open: tuple[Target, ...]
    throwaway_port: int
    tried: int

    @property
    def how(self) -> str:
        """Return how it was seen, in words."""
        return f"{self.tried} ports of {', '.join(self.sources)} tried from {self.eyes}"


@pytest.fixture(scope="module")
def views(
    subject: Host,
    machine: Machine,
    peer: Machine | RempartError | None,
    listening: list[sockets.Listener],
    addresses: list[str],
) -> dict[str, View | RempartError]:
    """All that is seen from outside while a throwaway listener waits on the host.

    Tried are notorious ports, those the host says it listens on, the throwaway one, and whether
    multicast DNS answers, which waits on every stock desktop.
    """
    # The address of a host behind another means nothing here: a stranger may answer to it.
    eyes: dict[str, Eyes] = {} if subject.jump else {CONTROLLER: Controller()}
    if isinstance(peer, Machine):
        eyes[PEER] = Peer(peer)
    own = {listener.port for listener in listening if listener.protocol == "tcp"}
    with throwaway_listener(machine) as port, ThreadPoolExecutor() as pool:
        ports = sorted(own | {port, *reach.NOTORIOUS})
        jobs = {
            kind: pool.submit(_look, each, addresses, ports, port) for kind, each in eyes.items()
        }
        seen = {kind: job.result() for kind, job in jobs.items()}
    return seen | ({PEER: peer} if isinstance(peer, RempartError) else {})


def _look(
    eyes: Eyes, addresses: list[str], ports: list[int], throwaway: int
) -> View | RempartError:
    """Return what is seen, or why nothing is: one pair of eyes must not blind the other."""
    try:
        sources = tried_from(eyes, addresses)
        targets = [("tcp", address, port) for address in sources for port in ports]
        datagrams = (throwaway, mdns.PORT)
        targets += [("udp", address, port) for address in sources for port in datagrams]
        states = eyes.probe(targets)
    except RempartError as error:
        return error
    seen = tuple(target for target in targets if states[target] == "open")
    return View(eyes.name, sources, seen, throwaway, len(ports))


@contextmanager
def throwaway_listener(machine: Machine) -> Iterator[int]:
    """Listen on a free port of the host for a moment, proven to answer on the host itself."""
    with machine.keep_running(listener_command(LISTENER_S)) as said:
        if not said.isdigit() or not 1024 <= int(said) <= 65535:
            raise AnswerError(f"the throwaway listener has no port (got {said[:40]!r})")
        port = int(said)
        states = Peer(machine).probe([("tcp", "127.0.0.1", port), ("udp", "127.0.0.1", port)])
        if set(states.values()) != {"open"}:
            raise AnswerError("the throwaway listener does not answer on the host itself")
        yield port


@pytest.fixture(params=[CONTROLLER, PEER])
def view(
    request: pytest.FixtureRequest,
    views: dict[str, View | RempartError],
    subject: Host,
    proof: Proof,
) -> View | None:
    """What one of them saw; None, and said so, where there is nobody of that kind."""
    found = views.get(request.param)
    if isinstance(found, RempartError):
        raise found
    if found is None:
        why = f"it is behind {subject.jump}" if subject.jump else "the practice has none"
        proof.info(f"not tried from {request.param}, {why}", "policy")
        return None
    proof.that(bool(found.sources), "an address to try", "no route to it", found.how)
    return found


@pytest.mark.control("FW-1")
def test_a_new_listener_is_not_reached(view: View | None, proof: Proof) -> None:
    """A port that has just begun to listen is not reached from outside, TCP or UDP."""
    if view:
        found = [
            f"{protocol} {port} of {address}"
            for protocol, address, port in view.open
            if port == view.throwaway_port
        ]
        how = f"throwaway listener on {', '.join(view.sources)} tried from {view.eyes}"
        proof.none(found, "not reached", how)


@pytest.mark.control("FW-2")
def test_only_those_allowed_reach_a_port(
    view: View | None, policy: Policy, subject: Host, proof: Proof
) -> None:
    """No port of a service answers somebody whom the policy does not allow."""
    if view:
        known = reach.allowed(policy, subject)
        found = [
            f"{address} {protocol} port {port}"
            for protocol, address, port in view.open
            if (protocol, port) in known
            and (protocol, port) not in reach.may_reach(policy, subject, view.sources[address])
        ]
        proof.none(found, "no service open to others", view.how)


@pytest.mark.control("FW-3")
def test_no_unknown_port_is_reached(
    view: View | None, policy: Policy, subject: Host, proof: Proof
) -> None:
    """No port answers that the policy does not know."""
    if view:
        known = reach.allowed(policy, subject)
        found = [
            f"{address} {protocol} port {port}"
            for protocol, address, port in view.open
            if (protocol, port) not in known and port != view.throwaway_port
        ]
        proof.none(found, "no unknown open port", view.how)
