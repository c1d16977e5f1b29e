"""Reading ``ss``: which sockets wait for somebody from outside."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from rempart.verify.machine import AnswerError

COMMAND = "ss -H -n -l -t -u -p --cgroup"
MOST = 1_000
"""Sockets, each of which is tried from outside as well."""

_GROUP = " cgroup:"
_PROCESS = re.compile(r'\("([^"]*)",pid=(\d+)')
_CLIENT_PORTS = {68, 546}  # DHCP clients wait there for their answers


@dataclass(frozen=True)
class Listener:
    """A socket that listens beyond loopback."""

    protocol: str
    port: int
    process: str
    group: str = ""
    """Its control group, the path in the host's own hierarchy."""

    def __str__(self) -> str:
        return f"{self.protocol} {self.port} ({self.process})"


def parse(answer: str) -> list[Listener]:
    """Return what listens beyond loopback; AnswerError on a line that is no socket.

    An empty answer is one, too: sshd at least listens, or systemd for it.
    """
    found = []
    lines = answer.splitlines()
    if len(lines) > MOST:
        raise AnswerError(f"ss: it named more than {MOST} sockets; see what listens there")
    for line in lines:
        try:
            protocol, state, _, _, local, _, *process = line.split(maxsplit=6)
            address, _, port = local.rpartition(":")
            if protocol not in ("tcp", "udp") or state not in ("LISTEN", "UNCONN"):
                raise ValueError(protocol)
            if not _is_loopback(address) and not _is_client(protocol, int(port)):
                users, _, group = "".join([" ", *process]).partition(_GROUP)
                found.append(Listener(protocol, int(port), _process(users), group.strip()))
        except ValueError:
            raise AnswerError(f"ss: a line is no socket (got {line[:100]!r})") from None
    if not found:
        raise AnswerError("ss: it named no socket, not even sshd's")
    return list(dict.fromkeys(found))


def _is_loopback(address: str) -> bool:
    bare, _, interface = address.strip("[]").partition("%")
    if interface.rstrip("]") == "lo":
        return True
    if bare == "*":
        return False
    parsed = ip_address(bare.rstrip("]"))
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return (mapped or parsed).is_loopback


def _is_client(protocol: str, port: int) -> bool:
    return protocol == "udp" and port in _CLIENT_PORTS


def _process(users: str) -> str:
    match = _PROCESS.search(users)
    return f"{match[1]}, process {match[2]}" if match else "kernel"
