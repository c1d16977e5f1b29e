"""Reaching a host over SSH, hop by hop: pinned host keys, key login (paramiko alone).

Promise: nothing but the key exchange reaches a host whose key is not the pinned one, and what a
host says reaches a terminal only through ``printable``.
Works with and without gevent's monkey patching: only ``socket`` and ``threading`` are used.
"""

from __future__ import annotations

import logging
import math
import socket
import time
from collections.abc import Callable, Sequence

from paramiko import (
    AuthenticationException,
    Channel,
    ChannelException,
    PasswordRequiredException,
    PKey,
    Transport,
)

from rempart.engine.connection import Connection, Result, TransportError, place
from rempart.engine.hostkey import pinned, signatures
from rempart.engine.printable import printable, printable_lines
from rempart.engine.route import Route
from rempart.errors import RempartError

__all__ = [
    "Connection",
    "LoginError",
    "Result",
    "TransportError",
    "connect",
    "dial",
    "log_in",
    "printable",
    "printable_lines",
    "reach",
]

KEEPALIVE_S = 15
# Unacknowledged for so long, the kernel drops the connection (tcp(7), TCP_USER_TIMEOUT).
DEAD_PEER_MS = 45_000
_FAIR_SHARE = 128 * 1024

# paramiko logs a traceback for a peer's every misbehaviour; ours are one line, raised.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class LoginError(TransportError):
    """The host is the right one and refuses the login."""


class _FairSocket(socket.socket):
    """A socket that lets others run.

    Under gevent a read that finds data does not switch: a host that floods us would starve every
    other host, and the alarm that should end it.
    """

    _unshared = 0

    def recv(self, size: int, flags: int = 0) -> bytes:
        received = super().recv(size, flags)
        self._unshared += len(received) + 1024  # a call costs as much as some bytes
        if self._unshared > _FAIR_SHARE:
            self._unshared = 0
            time.sleep(0.0001)  # 0 would not let gevent's timers run
        return received


def connect(route: Route, timeout_s: float = 10.0) -> Connection:
    """Log in to the host of ``route`` with its key file, over its hops.

    ``timeout_s`` is for each step of each hop: TCP, key exchange, login.

    Raises:
        TransportError: one line that names the host, and the hop when it failed there.
        HostKeyError: no usable pinned host key.
    """
    connection = reach(route, timeout_s)
    try:
        log_in(connection, lambda: connection.transport.auth_publickey(route.user, _key(route)))
    except BaseException:
        connection.close()
        raise
    return connection


def reach(route: Route, timeout_s: float = 10.0) -> Connection:
    """Reach the host and make sure that it has the pinned key; the caller logs in.

    Raises:
        TransportError, HostKeyError: as ``connect``.
    """
    keys = pinned(route.known_hosts, route.name)
    connection = dial(route, signatures(keys), timeout_s)
    seen = connection.host_key
    if seen not in keys:
        connection.close()
        raise _changed_key(route, seen, keys)
    return connection


def dial(route: Route, algorithms: Sequence[str], timeout_s: float = 10.0) -> Connection:
    """Reach the host and exchange keys, asking for one of the host key ``algorithms``.

    The caller compares ``host_key`` with what it trusts before it sends anything.

    Raises:
        TransportError: one line that names the host, and the hop when it failed there.
    """
    via = _hop(route, route.jump, timeout_s) if route.jump else None
    try:
        connection = Connection(route, Transport(_socket(route, via, timeout_s)), via)
        _exchange_keys(connection, algorithms, timeout_s)
    except Exception as error:  # paramiko re-raises whatever a hostile peer made it trip over
        if via:
            via.close()
        what = _explain(error, algorithms, timeout_s)
        raise TransportError(f"{route.name}: {place(route)}: {what}") from error
    connection.transport.set_keepalive(KEEPALIVE_S)
    return connection


def log_in(connection: Connection, authenticate: Callable[[], list[str]]) -> None:
    """Run one paramiko ``auth_*`` call; anything but full success is an error.

    Raises:
        LoginError: refused, or the host wants a second factor after this one.
        TransportError: the host broke off.
    """
    route = connection.route
    who = f"{route.name}: {route.user}@{place(route)}"
    try:
        further = authenticate()
    except RempartError:
        raise
    except AuthenticationException as error:
        raise LoginError(
            f"{who}: login refused (got {printable(str(error))[:200]}); "
            "check the user, and its key or password on the host"
        ) from error
    except Exception as error:  # see dial()
        got = printable(str(error))[:200] or type(error).__name__
        raise TransportError(
            f"{who}: the host broke the login off (got {got}); see its log: journalctl -u ssh"
        ) from error
    if further:
        raise LoginError(
            f"{who}: the host wants a further proof (got {printable(', '.join(further))[:200]}); "
            "let this account log in with this one alone"
        )


def _hop(route: Route, jump: Route, timeout_s: float) -> Connection:
    try:
        return connect(jump, timeout_s)
    except RempartError as error:
        raise TransportError(f"{route.name}: jump host {error}") from error


def _socket(route: Route, via: Connection | None, timeout_s: float) -> socket.socket | Channel:
    target = (route.address, route.port)
    if via:
        origin = ("127.0.0.1", 0)
        return via.transport.open_channel(
            "direct-tcpip", target, origin, timeout=math.ceil(timeout_s)
        )
    connected = _FairSocket(fileno=socket.create_connection(target, timeout_s).detach())
    # Without it Nagle and delayed acknowledgements cost 40 ms per command.
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_PEER_MS)
    return connected


def _exchange_keys(connection: Connection, algorithms: Sequence[str], timeout_s: float) -> None:
    transport = connection.transport
    transport.auth_timeout = timeout_s
    transport.banner_timeout = 2 * timeout_s  # start_client's own timeout comes first
    transport.get_security_options().key_types = tuple(algorithms)
    try:
        transport.start_client(timeout=timeout_s)
        if not transport.initial_kex_done:  # start_client returns silently when time is up
            raise TimeoutError
    except BaseException:
        connection.close()
        raise


def _key(route: Route) -> PKey:
    try:
        return PKey.from_path(route.key_file)
    except (PasswordRequiredException, TypeError) as error:
        raise TransportError(
            f"{route.name}: {route.key_file}: the key has a passphrase; "
            "automation needs one without"
        ) from error
    except Exception as error:  # from_path lets every cryptography error through
        raise TransportError(
            f"{route.name}: {route.key_file}: cannot be read as a private key (got {error}); "
            "point automation.key at an OpenSSH private key"
        ) from error


def _changed_key(route: Route, seen: PKey, keys: list[PKey]) -> TransportError:
    expected = ", ".join(f"{key.get_name()} {key.fingerprint}" for key in keys)
    return TransportError(
        f"{route.name}: {place(route)}: HOST KEY CHANGED, nothing was sent: pinned {expected} "
        f"(got {seen.get_name()} {seen.fingerprint}); someone may be in between: compare with "
        "'ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub' on the host's console, and only if "
        f"it was reinstalled remove {route.known_hosts} and enrol it again"
    )


def _explain(error: Exception, algorithms: Sequence[str], timeout_s: float) -> str:
    """Return what went wrong before the login; and what to do."""
    text = printable(str(error))[:200] or type(error).__name__
    if isinstance(error, socket.gaierror):
        return f"the name does not resolve (got {text}); correct the address in the inventory"
    if isinstance(error, TimeoutError) or text.startswith("Timeout"):
        return f"no answer within {timeout_s:g} s; is it switched on, is the address right?"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused; is sshd running there, on this port?"
    if isinstance(error, ChannelException):
        return (
            f"the jump host opens no connection to it (got {printable(error.text)}); "
            "is it switched on, does the jump host's PermitOpen name it?"
        )
    if isinstance(error, OSError):
        return f"cannot connect (got {text}); is it switched on, is the address right?"
    if "no acceptable host key" in text:
        return (
            f"HOST KEY CHANGED, nothing was sent: it has no {' or '.join(algorithms)} key; "
            "compare on the host's console, then enrol it again"
        )
    return (
        f"no SSH greeting that we understand (got {text}); is this sshd's port? sshd also hangs "
        "up on an address for a while (MaxStartups, PerSourcePenalties): wait a minute"
    )
