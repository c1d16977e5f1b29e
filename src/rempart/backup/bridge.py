"""Bridge: the controller's restic reads a repository on a server, over our own pinned connection.

restic talks HTTP/2 to what it takes for rclone: a relay to a socket of ours, beyond which the
server's root runs ``rclone serve restic``. So the password stays here.
"""

from __future__ import annotations

import shlex
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from paramiko import SSHException

from rempart.engine.connection import Connection

REWOUND = ".rewound"
"""Ends the name of a view that ``ledger.py`` has laid beside a repository: links to its files."""

_CHUNK = 64 * 1024
_RELAY = """
import os, socket, sys, threading
there = socket.socket(socket.AF_UNIX)
there.connect(sys.argv[1])
def up():
    while chunk := os.read(0, 65536):
        there.sendall(chunk)
    there.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
while chunk := there.recv(65536):
    sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.flush()
"""


@contextmanager
def reached(connection: Connection, folder: str) -> Iterator[list[str]]:
    """Yield the options with which restic reaches a repository, or a rewound view, on a server.

    Nothing is deleted or replaced through it, and with ``--no-lock`` nothing is added.
    """
    links = "--copy-links " if folder.endswith(REWOUND) else ""
    serve = f"rclone serve restic --stdio --append-only {links}--config ''"
    command = f"sudo -n {serve} {shlex.quote(folder)}"
    with (
        tempfile.TemporaryDirectory(prefix="rempart-") as own,
        socket.socket(socket.AF_UNIX) as listener,
    ):
        relay, path = Path(own, "relay.py"), Path(own, "socket")
        relay.write_text(_RELAY)
        listener.bind(str(path))
        listener.listen()
        threading.Thread(target=_accept, args=(listener, connection, command), daemon=True).start()
        program = shlex.join([sys.executable, "-I", str(relay), str(path)])
        yield [
            "--repo=rclone:", f"--option=rclone.program={program}", f"--cache-dir={own}/cache"
        ]  # fmt: skip
        listener.shutdown(socket.SHUT_RDWR)  # wakes who waits there


def _accept(listener: socket.socket, connection: Connection, command: str) -> None:
    """Give each caller a channel of its own to the server."""
    with suppress(OSError, EOFError, SSHException):
        while True:
            caller, _ = listener.accept()
            channel = connection.transport.open_session()
            channel.exec_command(command)
            for pump in (
                lambda c=caller, s=channel: _copy(c.recv, s.sendall, s.shutdown_write),
                lambda c=caller, s=channel: _copy(s.recv, c.sendall, c.close),
                lambda s=channel: _copy(s.recv_stderr, lambda chunk: None, lambda: None),
            ):
                threading.Thread(target=pump, daemon=True).start()


def _copy(
    receive: Callable[[int], bytes], send: Callable[[bytes], object], end: Callable[[], object]
) -> None:
    with suppress(OSError, EOFError, SSHException):
        while chunk := receive(_CHUNK):
            send(chunk)
    with suppress(OSError, EOFError, SSHException):
        end()
