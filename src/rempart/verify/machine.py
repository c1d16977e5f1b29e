"""A host as the checks ask it: testinfra over OpenSSH, every answer bounded in time and size."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from testinfra.backend.base import CommandResult
from testinfra.backend.ssh import SshBackend
from testinfra.host import Host as TestinfraHost

from rempart.errors import RempartError
from rempart.verify.proof import one_line

ANSWER_BYTES = 1024 * 1024
ANSWER_S = 120.0

# The language is fixed after sudo, which drops it; the folders, so that /usr/local does not count.
_ENVIRONMENT = "env LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin"


class AnswerError(RempartError):
    """A host gave no answer that a check can use."""


class BoundedSsh(SshBackend):  # type: ignore[misc]  # testinfra publishes no types
    """testinfra's ssh backend without a local shell; a hostile host cannot fill our memory."""

    NAME = "bounded-ssh"

    @property
    def encoding(self) -> str:
        """testinfra would ask the host's Python; everything runs with LC_ALL=C."""
        return "utf-8"

    def decode(self, data: bytes) -> str:
        """Return hostile bytes as text; what is no UTF-8 becomes U+FFFD."""
        return data.decode("utf-8", "replace")

    def get_sudo_command(self, command: str, sudo_user: str | None) -> str:
        """Return the command as root runs it."""
        quoted: str = self.quote(f"sudo -n {_ENVIRONMENT} /bin/sh -c %s", command)
        return quoted

    def run(self, command: str, *args: str, **kwargs: Any) -> CommandResult:
        """Run a command; AnswerError when no complete answer comes in time."""
        argv = ["ssh", "-F", str(self.ssh_config), self.host.name, self.get_command(command, *args)]
        limit_s = float(kwargs.get("timeout_s", ANSWER_S))
        returncode, stdout, stderr = bounded(argv, ANSWER_BYTES, limit_s)
        if returncode == 255:  # ssh's own failure
            raise AnswerError(f"connection lost (got {one_line(stderr.decode(errors='replace'))})")
        return self.result(returncode, command.encode(), stdout, stderr)


class Machine:
    """One host, as root by sudo. ``host`` is testinfra's, for its ``file``, ``service`` …"""

    def __init__(self, name: str, ssh_config: Path) -> None:
        self.name = name
        self.host = TestinfraHost(BoundedSsh(name, ssh_config=str(ssh_config), sudo=True))

    def ask(
        self,
        command: str,
        ok: tuple[int, ...] = (0,),
        timeout_s: float = ANSWER_S,
        name: str = "",
    ) -> str:
        """Return what a shell command prints; what stands in it must be quoted already.

        ``name`` stands in errors in the place of a long command.

        Raises:
            AnswerError: an exit status that is not in ``ok``, or no complete answer.
        """
        result = self.host.run(command, timeout_s=timeout_s)
        if result.rc not in ok:
            said = one_line(result.stderr) or "nothing"
            name = name or one_line(command)[:60]
            raise AnswerError(f"{name}: exit {result.rc}, it said {said}")
        return str(result.stdout)

    @contextmanager
    def keep_running(self, command: str) -> Iterator[str]:
        """Run a command, not as root, while the context lasts; give its first line.

        The command must end with its stdin: then nothing stays on the host, whatever ends us.
        """
        argv = ["ssh", "-F", str(self.host.backend.ssh_config), self.name, command]
        with subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            try:
                yield _first_line(process)
            finally:
                process.kill()


def _first_line(process: subprocess.Popen[bytes], limit: int = 4096) -> str:
    deadline, line = time.monotonic() + 10, b""
    assert process.stdout
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while not line.endswith(b"\n"):
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise AnswerError("a command that should run did not say so within 10 s")
            chunk = os.read(process.stdout.fileno(), 512)
            line += chunk
            if not chunk or len(line) > limit:
                raise AnswerError(f"a command that should run did not start (got {one_line(line)})")
    return line.decode("utf-8", "replace").strip()


def bounded(argv: list[str], limit: int, timeout_s: float) -> tuple[int, bytes, bytes]:
    """Run a local command; return its exit status and output of at most ``limit`` bytes.

    Raises:
        AnswerError: more output, or more time; the command was killed.
    """
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            stdout, stderr = _read(process, limit, time.monotonic() + timeout_s)
            returncode = process.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise AnswerError(f"no complete answer within {timeout_s:g} s") from None
        finally:
            process.kill()
    return returncode, stdout, stderr


def _read(process: subprocess.Popen[bytes], limit: int, deadline: float) -> tuple[bytes, bytes]:
    streams: dict[IO[bytes], bytearray] = {}
    with selectors.DefaultSelector() as selector:
        for stream in filter(None, (process.stdout, process.stderr)):
            streams[stream] = bytearray()
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise subprocess.TimeoutExpired(process.args, 0)
            for key, _ in ready:
                _take(selector, key, streams, limit)
    stdout, stderr = streams.values()
    return bytes(stdout), bytes(stderr)


def _take(
    selector: selectors.BaseSelector,
    key: selectors.SelectorKey,
    streams: dict[IO[bytes], bytearray],
    limit: int,
) -> None:
    chunk = os.read(key.fd, 65536)
    if not chunk:
        selector.unregister(key.fileobj)
        return
    kept = next(kept for stream, kept in streams.items() if stream is key.fileobj)
    kept += chunk
    if len(kept) > limit:
        raise AnswerError(f"an answer of more than {limit} bytes, cut")
