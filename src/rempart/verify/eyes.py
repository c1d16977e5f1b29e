"""From where ports are tried: this machine, and another host of the practice."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from importlib.resources import files
from ipaddress import ip_address, ip_network
from typing import Protocol

from rempart.verify import attempt, mdns
from rempart.verify.attempt import Target
from rempart.verify.machine import AnswerError, Machine

_STATE = re.compile(r"(tcp|udp)/([0-9a-f.:]+)/(\d{1,5}) (open|closed|silent)")


class Eyes(Protocol):
    """Somebody who can try ports."""

    name: str

    def sources(self, addresses: Sequence[str]) -> dict[str, str]:
        """Return by address from which own address it would be tried; none without a route."""

    def probe(self, targets: Sequence[Target]) -> dict[Target, str]:
        """Try all at once; return ``open``, ``closed`` or ``silent`` for each."""


class Controller:
    """This machine."""

    name = "the controller"

    def sources(self, addresses: Sequence[str]) -> dict[str, str]:
        """Return from which own address each would be tried."""
        found = {address: attempt.source_towards(address) for address in addresses}
        return {address: source for address, source in found.items() if source}

    def probe(self, targets: Sequence[Target]) -> dict[Target, str]:
        """Try all at once."""
        return attempt.probe(targets)


class Peer:
    """Another host, which may be hostile itself: it could say "silent", and is believed."""

    def __init__(self, machine: Machine) -> None:
        self.name = machine.name
        self._machine = machine

    def sources(self, addresses: Sequence[str]) -> dict[str, str]:
        """Return from which own address each would be tried; AnswerError on rubbish."""
        lines = self._ask(["sources", *addresses]).splitlines()
        try:
            pairs = [line.split(" ") for line in lines]
            found = {str(ip_address(a)): str(ip_address(source)) for a, source in pairs}
        except ValueError:
            raise AnswerError(f"{self.name}: the probe did not say where it comes from") from None
        return {address: found[address] for address in addresses if address in found}

    def probe(self, targets: Sequence[Target]) -> dict[Target, str]:
        """Try all at once; AnswerError when the state of one is missing."""
        words = ["/".join(map(str, target)) + _datagram(target) for target in targets]
        lines = self._ask(["probe", *words]).splitlines()
        matches = filter(None, map(_STATE.fullmatch, lines))
        states = {(m[1], m[2], int(m[3])): m[4] for m in matches}
        if states.keys() != set(targets):
            raise AnswerError(f"{self.name}: the probe did not answer for every port")
        return states

    def _ask(self, words: list[str]) -> str:
        name = f"probe from {self.name}"
        return self._machine.ask(perl("probe.pl", words), timeout_s=30, name=name)


def _datagram(target: Target) -> str:
    protocol, address, _ = target
    return f"/{mdns.question(address).hex()}" if protocol == "udp" else ""


def tried_from(eyes: Eyes, addresses: Sequence[str]) -> dict[str, str]:
    """Return the addresses that may be tried, with the source they would see.

    IPv6 addresses are what the host claims to have: one on the same link is its own, another
    could make us scan strangers.
    """
    return {
        address: source
        for address, source in eyes.sources(addresses).items()
        if ip_address(address).version == 4
        or ip_address(address) in ip_network(f"{source}/64", strict=False)
    }


def listener_command(seconds: int) -> str:
    """Return the command of a throwaway listener, TCP and UDP on one port, IPv4 and IPv6.

    It prints its port and ends with its stdin, or after that many seconds.
    """
    return perl("listen.pl", [str(seconds)])


def perl(script: str, words: Iterable[str]) -> str:
    """Return the command that runs a shipped script: perl-base is essential on Debian."""
    source = files("rempart.verify").joinpath("remote", script).read_text()
    return shlex.join(["perl", "-e", source, *words])
