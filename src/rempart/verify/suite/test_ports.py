"""FW-1 to FW-3 from outside: what answers the controller and another host of the practice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from rempart.policy import Host, Policy
from rempart.verify import reach, sockets
from rempart.verify.eyes import Controller, Eyes, Peer, listener_command, tried_from
from rempart.verify.machine import AnswerError, Machine
from rempart.verify.proof import Proof

LISTENER_S = 60


@pytest.fixture(scope="session", params=["controller", "peer"])
def eyes(request: pytest.FixtureRequest, subject: Host, policy: Policy) -> Eyes | None:
    """Somebody outside; None where there is nobody of that kind."""
    if request.param == "controller":
        # The address of a host behind another means nothing here: a stranger may answer to it.
        return None if subject.jump else Controller()
    peer: Machine | None = request.getfixturevalue("peer")
    return Peer(peer) if peer else None


@pytest.fixture(scope="session")
def ports(listening: list[sockets.Listener]) -> list[int]:
    """What to try: all that the host says it listens on, and notorious ports."""
    own = {listener.port for listener in listening if listener.protocol == "tcp"}
    return sorted(own | set(reach.NOTORIOUS))


@pytest.mark.control("FW-2", "FW-3")
def test_only_allowed_ports_answer(
    eyes: Eyes | None,
    policy: Policy,
    subject: Host,
    addresses: list[str],
    ports: list[int],
    proof: Proof,
) -> None:
    """No port answers from outside but those allowed."""
    if eyes is None:
        proof.info(nobody(subject), "policy")
        return
    sources = tried_from(eyes, addresses)
    how = f"{len(ports)} ports of {', '.join(sources)} tried from {eyes.name}"
    proof.that(bool(sources), "an address to try", "no route", how)
    states = eyes.probe([("tcp", address, port) for address in sources for port in ports])
    wrong = [
        f"{address} port {port}"
        for (_, address, port), state in states.items()
        if state == "open" and port not in reach.may_reach(policy, subject, sources[address])
    ]
    proof.none(wrong, "no other open port", how)


@pytest.mark.control("FW-1")
def test_a_new_listener_is_not_reached(
    eyes: Eyes | None, subject: Host, machine: Machine, addresses: list[str], proof: Proof
) -> None:
    """A port that has just begun to listen is not reached from outside, TCP or UDP."""
    if eyes is None:
        proof.info(nobody(subject), "policy")
        return
    sources = tried_from(eyes, addresses)
    how = f"throwaway listener on {', '.join(sources)} tried from {eyes.name}"
    proof.that(bool(sources), "an address to try", "no route", how)
    with throwaway_listener(machine) as port:
        targets = [(protocol, a, port) for a in sources for protocol in ("tcp", "udp")]
        states = eyes.probe(targets)
    wrong = [f"{p} {port} of {a}" for (p, a, port), state in states.items() if state == "open"]
    proof.none(wrong, "not reached", how)


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


def nobody(subject: Host) -> str:
    """Return why nobody tries."""
    if subject.jump:
        return f"not tried from the controller, it is behind {subject.jump}"
    return "the practice has no other host to try from"
