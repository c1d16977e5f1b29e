"""Attempts from the controller: logins that must be refused, ports that must be closed.

The only module of verify that opens connections of its own. Every SSH attempt goes to a host that
has just shown its pinned key. Passwords are tried for one throwaway account only: on Debian 13
refused passwords make sshd shut out their source (sshd_config(5), PerSourcePenalties).
"""

from __future__ import annotations

import secrets
import selectors
import socket
import struct
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import ip_address
from typing import cast

from paramiko import (
    AuthenticationException,
    BadAuthenticationType,
    Channel,
    ChannelException,
    PKey,
    SSHException,
)

from rempart.engine.hostkey import pinned
from rempart.engine.route import Route
from rempart.engine.transport import TransportError, connect, printable, reach
from rempart.verify import mdns
from rempart.verify.kexinit import Offer, parse_kexinit

THROWAWAY = "rempart-nobody"
"""The account whose login is tried; no policy can name it a person's, no host has it."""

PROBE_S = 2.0
"""Long enough for a second SYN (tcp(7), tcp_syn_retries): one lost packet is no closed port."""

Target = tuple[str, str, int]
"""``("tcp" or "udp", address, port)``."""

_GREETING = b"SSH-2.0-rempart_verify\r\n"
_PROHIBITED = 1  # SSH_OPEN_ADMINISTRATIVELY_PROHIBITED, RFC 4254 section 5.1


@dataclass(frozen=True)
class Login:
    """A login that worked: the addresses of ``SSH_CONNECTION``, ssh(1), and sudo's answer."""

    source: str
    destination: str
    port: int
    sudo: bool


def log_in(route: Route) -> Login:
    """Log in with the automation key on a new connection and use sudo.

    Raises:
        RempartError: the host cannot be reached, is another one, or refuses.
    """
    with connect(route) as connection:
        result = connection.run('echo "$SSH_CONNECTION"; sudo -n true && echo yes', timeout_s=60)
    lines = printable(result.stdout.strip().replace(b"\n", b" ")).split(" ")
    try:
        source, _, destination, port, *sudo = lines
        addresses = str(ip_address(source)), str(ip_address(destination))
        return Login(*addresses, int(port), sudo == ["yes"])
    except ValueError:
        said = " ".join(lines)[:100]
        raise TransportError(
            f"{route.name}: SSH_CONNECTION: is no connection (got {said!r}); "
            "see what the login shell does there"
        ) from None


def host_key(route: Route) -> tuple[str, set[str]]:
    """Return the key that the host shows now, and those pinned, as ``SHA256:…``."""
    keys = {key.fingerprint for key in pinned(route.known_hosts, route.name)}
    with reach(route) as connection:
        return connection.host_key.fingerprint, keys


def offered_methods(route: Route, login: str) -> tuple[str, ...]:
    """Return the login methods that sshd offers an account; ``none``: it needs no method."""
    with reach(route) as connection:
        try:
            connection.transport.auth_none(login)
        except BadAuthenticationType as refusal:
            return tuple(sorted(map(printable, refusal.allowed_types)))
        except (AuthenticationException, SSHException, EOFError) as error:
            raise _broken(route, error) from error
        return ("none",)


def password_opens(route: Route) -> str:
    """Try a random password for the throwaway account; return ``refused`` or what happened."""
    with reach(route) as connection:
        try:
            connection.transport.auth_password(THROWAWAY, secrets.token_urlsafe(16), fallback=False)
        except BadAuthenticationType:
            return "refused"  # not even asked for: the method is off
        except AuthenticationException:
            return "asked for, and wrong"
        except (SSHException, EOFError) as error:
            raise _broken(route, error) from error
        return "accepted"


def key_opens(route: Route, login: str) -> bool:
    """Return whether the automation key logs another account in."""
    with reach(route) as connection:
        try:
            return not connection.transport.auth_publickey(login, PKey.from_path(route.key_file))
        except AuthenticationException:
            return False
        except (SSHException, EOFError) as error:
            raise _broken(route, error) from error


def forward(route: Route, address: str, port: int) -> str:
    """Ask sshd to forward to an address; return ``prohibited``, ``open`` or ``failed``.

    ``failed``: sshd was willing, the address did not answer.
    """
    with connect(route) as connection:
        try:
            origin = ("127.0.0.1", 0)
            connection.transport.open_channel("direct-tcpip", (address, port), origin, timeout=10)
        except ChannelException as refusal:
            return "prohibited" if refusal.code == _PROHIBITED else "failed"
        except (SSHException, EOFError) as error:
            raise _broken(route, error) from error
        return "open"


def offered_algorithms(route: Route) -> Offer:
    """Return what the running daemon offers on the wire, before any login (RFC 4253 7.1)."""
    try:
        if route.jump is None:
            with socket.create_connection((route.address, route.port), 10) as direct:
                return parse_kexinit(_first_packet(direct))
        with connect(route.jump) as jump:
            target = (route.address, route.port)
            through = jump.transport.open_channel("direct-tcpip", target, ("127.0.0.1", 0), 10)
            through.settimeout(10)
            return parse_kexinit(_first_packet(through))
    except (OSError, SSHException, EOFError, ValueError) as error:
        raise _broken(route, error) from error


def _first_packet(connection: socket.socket | Channel) -> bytes:
    """Return the payload of the first binary packet; the server may say lines before."""
    connection.sendall(_GREETING)
    received = bytearray()
    for _ in range(50):  # RFC 4253 4.2; a server that never comes to the point is no SSH server
        line = _until_newline(connection, received)
        if line.startswith(b"SSH-2.0-"):
            break
    else:
        raise ValueError("no SSH greeting")
    length, padding = struct.unpack(">IB", _exactly(connection, received, 5))
    if not padding < length <= 35000:  # RFC 4253 6.1
        raise ValueError("no SSH packet")
    return _exactly(connection, received, length - 1)[: length - 1 - padding]


def _until_newline(connection: socket.socket | Channel, received: bytearray) -> bytes:
    while b"\n" not in received:
        if len(received) > 8192:
            raise ValueError("an endless line")
        _receive(connection, received)
    line, _, rest = bytes(received).partition(b"\n")
    received[:] = rest
    return line


def _exactly(connection: socket.socket | Channel, received: bytearray, count: int) -> bytes:
    while len(received) < count:
        _receive(connection, received)
    taken = bytes(received[:count])
    del received[:count]
    return taken


def _receive(connection: socket.socket | Channel, received: bytearray) -> None:
    chunk = connection.recv(8192)
    if not chunk:
        raise EOFError("the server hung up")
    received += chunk


def source_towards(address: str) -> str | None:
    """Return this machine's address from which it would reach another, None without a route.

    Nothing is sent.
    """
    with _socket("udp", address) as probe:
        try:
            probe.connect((address, 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])


def probe(targets: Iterable[Target]) -> dict[Target, str]:
    """Try all targets at once; return ``open``, ``closed`` or ``silent`` for each.

    UDP is open when something answers a datagram, which asks what multicast DNS is asked.
    """
    states = dict.fromkeys(targets, "silent")
    with selectors.DefaultSelector() as selector, ExitStack() as sockets:
        for target in states:
            protocol, address, port = target
            made = sockets.enter_context(_socket(protocol, address))
            if made.connect_ex((address, port)) == 0 and protocol == "udp":
                made.send(mdns.question(address))
            event = selectors.EVENT_READ if protocol == "udp" else selectors.EVENT_WRITE
            selector.register(made, event, target)
        deadline = time.monotonic() + PROBE_S
        while selector.get_map() and (left := deadline - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                selector.unregister(key.fileobj)
                states[key.data] = _state(cast(socket.socket, key.fileobj))
    return states


def _state(ready: socket.socket) -> str:
    try:
        if ready.type == socket.SOCK_DGRAM:
            ready.recv(512)
        failed = ready.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    except OSError:
        return "closed"
    return "closed" if failed else "open"


def _socket(protocol: str, address: str) -> socket.socket:
    family = socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET
    made = socket.socket(family, socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM)
    made.setblocking(False)
    return made


def _broken(route: Route, error: Exception) -> TransportError:
    got = printable(str(error))[:200] or type(error).__name__
    return TransportError(
        f"{route.name}: the host broke the attempt off (got {got}); see its log: journalctl -u ssh"
    )
