"""An open SSH connection and the commands run over it: bounded in time and in size.

Promise: a host's answer can be neither endless nor silent for ever; one that breaks a bound is an
error and never a shorter answer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from paramiko import Channel, PKey, SSHException, Transport

from rempart.engine.printable import printable
from rempart.engine.route import Route
from rempart.errors import RempartError

MIB = 1024 * 1024
STDERR_KEPT = 64 * 1024
_CHUNK = 32 * 1024


class TransportError(RempartError):
    """A host could not be reached, is not who it should be, or gave no usable answer."""


@dataclass(frozen=True)
class Result:
    """What a command gave back; ``returncode`` is -1 when a signal ended it."""

    returncode: int
    stdout: bytes
    stderr: bytes


class Connection:
    """An SSH connection, closed together with the hops before it; a context manager."""

    def __init__(self, route: Route, transport: Transport, via: Connection | None) -> None:
        self.route = route
        self.transport = transport
        self.commands = 0
        self._via = via

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def host_key(self) -> PKey:
        """The key that the host proved to have in the key exchange."""
        return self.transport.get_remote_server_key()

    def close(self) -> None:
        """End the connection, hops included; harmless when it is already gone."""
        self.transport.close()
        self.transport.sock.close()
        if self._via:
            self._via.close()

    def run(
        self, command: str, stdin: bytes = b"", timeout_s: float = 300, limit: int = MIB
    ) -> Result:
        """Run ``command`` in the login shell of the host, feeding it ``stdin``.

        ``timeout_s`` is for the whole command. ``limit`` (bytes) is for each of stdout and stderr;
        of stderr the first 64 KiB are returned.

        Raises:
            TransportError: no complete answer in time, an answer over the limit, or a lost
                connection. The connection is closed then: what the host did is unknown.
        """
        self.commands += 1
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            self.close()

        # One alarm for everything: a hostile peer can stall any step, also our own sending.
        alarm = threading.Timer(timeout_s, expire)
        alarm.daemon = True
        alarm.start()
        try:
            return self._run(command, stdin, limit)
        except RempartError:
            raise
        except Exception as error:  # paramiko re-raises whatever a hostile peer made it trip over
            self.close()
            if expired.is_set():
                raise self._error(
                    f"no complete answer within {timeout_s:g} s; "
                    "the connection was closed, see on the host what the command did"
                ) from error
            got = printable(str(error))[:200] or type(error).__name__
            raise self._error(f"connection lost (got {got}); try again") from error
        finally:
            alarm.cancel()

    def _run(self, command: str, stdin: bytes, limit: int) -> Result:
        channel = self.transport.open_session()
        channel.exec_command(command)
        stdout = _Stream(channel.recv, limit, limit, self.close)
        stderr = _Stream(channel.recv_stderr, limit, STDERR_KEPT, self.close)
        # Both streams share one window, and the host may answer before it has read everything:
        # one thread each, or big input and big output wait for each other for ever.
        reader = threading.Thread(target=stderr.read, daemon=True)
        writer = threading.Thread(target=_feed, args=(channel, stdin), daemon=True)
        reader.start()
        writer.start()
        stdout.read()
        reader.join()
        if stdout.overflowed or stderr.overflowed:
            raise self._error(f"answer cut, it is longer than {limit} bytes; see what it prints")
        returncode = channel.recv_exit_status()
        if returncode == -1 and not self.transport.is_active():
            raise EOFError
        channel.close()
        return Result(returncode, bytes(stdout.kept), bytes(stderr.kept))

    def _error(self, what: str) -> TransportError:
        return TransportError(f"{self.route.name}: {place(self.route)}: {what}")


class _Stream:
    """One output stream of a command, read to its end, or cut at ``limit`` bytes."""

    def __init__(
        self, receive: Callable[[int], bytes], limit: int, keep: int, cut: Callable[[], None]
    ) -> None:
        self.kept = bytearray()
        self.overflowed = False
        self._receive, self._limit, self._keep, self._cut = receive, limit, keep, cut

    def read(self) -> None:
        seen = 0
        while chunk := self._receive(_CHUNK):
            seen += len(chunk)
            if seen > self._limit:
                self.overflowed = True
                # Closing only the channel would let a hostile host go on filling our memory.
                self._cut()
                return
            self.kept += chunk[: self._keep - len(self.kept)]


def _feed(channel: Channel, stdin: bytes) -> None:
    try:
        for start in range(0, len(stdin), _CHUNK):
            channel.sendall(stdin[start : start + _CHUNK])
        channel.shutdown_write()
    except (OSError, SSHException, EOFError):
        return  # the command ended without reading all of it: its exit status says the rest


def place(route: Route) -> str:
    """Return ``address:port`` as messages show it, IPv6 in brackets."""
    address = f"[{route.address}]" if ":" in route.address else route.address
    return f"{address}:{route.port}"
