"""``@rempart``: pyinfra's way to a host of the policy, over ``rempart.engine.transport``.

A host says where it stands with two data keys, which ``inventories/fleet.py`` gives:
``rempart_policy`` (path of the practice's YAML) and ``rempart_host`` (its name in there). Keys,
addresses and hops come from the policy alone, so none of pyinfra's ``ssh_*`` data is read.

Whatever goes wrong with one host fails that host: pyinfra aborts all hosts on other exceptions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import IOBase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Never, TypedDict, Unpack

from pyinfra.api.command import StringCommand
from pyinfra.api.exceptions import ConnectError
from pyinfra.api.output import echo
from pyinfra.connectors.base import BaseConnector, DataMeta
from pyinfra.connectors.util import CommandOutput, OutputLine, make_unix_command_for_host

from rempart.engine.connection import Connection
from rempart.engine.printable import printable_lines
from rempart.engine.transport import connect
from rempart.errors import RempartError

if TYPE_CHECKING:
    from pyinfra.api.arguments import ConnectorArguments

    from rempart.policy import Policy

DEFAULT_TIMEOUT_S = 300
MOST_LINES = 10_000
"""Lines of an answer; an observation of a hardened host has three hundred."""


class RempartData(TypedDict):
    """The data keys that a ``@rempart`` host needs."""

    rempart_policy: str
    rempart_host: str


_policies: dict[Path, Policy] = {}


def know(policy: Policy) -> None:
    """Let hosts be reached by a policy that is loaded already: YAML is slow to read."""
    _policies[policy.path] = policy


def policy_at(path: str) -> Policy:
    """Return the policy with that path, loaded once."""
    key = Path(path)
    if key not in _policies:
        from rempart.policy import load

        _policies[key] = load(key)
    return _policies[key]


class RempartConnector(BaseConnector):
    """One host of a practice, over SSH with pinned keys; everything is one command on stdin."""

    handles_execution = True
    data_cls = RempartData
    data_meta: dict[str, DataMeta] = {  # noqa: RUF012  (pyinfra's own declaration)
        "rempart_policy": DataMeta("Path of the practice's policy"),
        "rempart_host": DataMeta("Name of the host in that policy"),
    }
    connection: Connection | None = None

    @staticmethod
    def make_names_data(name: str) -> Iterator[tuple[str, dict[str, Any], list[str]]]:
        """Name the host as rempart does everywhere: ``practice/host``."""
        yield name, {}, []

    @property
    def commands(self) -> int:
        """How many commands ran over this connection."""
        return self.connection.commands if self.connection else 0

    def connect(self) -> None:
        """Log in with the automation key.

        Raises:
            ConnectError: one line; pyinfra drops this host and goes on with the others.
        """
        path, name = self.data["rempart_policy"], self.data["rempart_host"]
        if not path or not name:
            raise ConnectError(
                "no policy for this host; run pyinfra with inventories/fleet.py as its inventory"
            )
        try:
            policy = policy_at(path)
            route = policy.route(policy.host(name))
            self.connection = connect(route, self.state.config.CONNECT_TIMEOUT)
        except RempartError as error:
            raise ConnectError(str(error)) from error

    def disconnect(self) -> None:
        """End the connection, hops included."""
        if self.connection:
            self.connection.close()

    def run_shell_command(
        self,
        command: StringCommand,
        print_output: bool = False,
        print_input: bool = False,
        **arguments: Unpack[ConnectorArguments],
    ) -> tuple[bool, CommandOutput]:
        """Run a command; a transport failure is a failed command whose stderr says why.

        ``_timeout`` defaults to 300 s; passwords and terminals are refused.
        """
        if refusal := _refusal(arguments):
            return False, CommandOutput([OutputLine("stderr", refusal)])
        stdin = _stdin_bytes(arguments.pop("_stdin", None))
        timeout_s = arguments.pop("_timeout", None) or DEFAULT_TIMEOUT_S
        codes = arguments.pop("_success_exit_codes", None) or [0]
        arguments.pop("_get_pty", None)
        unix_command = make_unix_command_for_host(self.state, self.host, command, **arguments)
        if print_input:
            echo(f"{self.host.print_prefix}>>> {unix_command}", err=True)
        ok, lines = self._run(unix_command.get_raw_value(), stdin, timeout_s, codes)
        if print_output:
            for line in lines:
                echo(f"{self.host.print_prefix}{line.line}", err=True)
        return ok, CommandOutput(lines)

    def _run(
        self, command: str, stdin: bytes, timeout_s: int, codes: Iterable[int]
    ) -> tuple[bool, list[OutputLine]]:
        assert self.connection is not None
        try:
            # sudo's complaints in the host's language would escape whoever looks for them.
            result = self.connection.run(f"env LC_ALL=C {command}", stdin, timeout_s)
        except RempartError as error:
            return False, [OutputLine("stderr", str(error))]
        if max(result.stdout.count(b"\n"), result.stderr.count(b"\n")) > MOST_LINES:
            reason = f"{self.host.name}: its answer has more than {MOST_LINES} lines; see why there"
            return False, [OutputLine("stderr", reason)]
        lines = [OutputLine("stdout", line) for line in printable_lines(result.stdout)]
        lines += [OutputLine("stderr", line) for line in printable_lines(result.stderr)]
        return result.returncode in codes, lines

    def put_file(
        self,
        filename_or_io: str | IOBase,
        remote_filename: str,
        remote_temp_filename: str | None = None,
        print_output: bool = False,
        print_input: bool = False,
        **arguments: Unpack[ConnectorArguments],
    ) -> bool:
        """Refuse: an upload leaves a world-readable file in /tmp and costs six sessions."""
        self._refuse_transfer(remote_filename)

    def get_file(
        self,
        remote_filename: str,
        filename_or_io: str | IOBase,
        remote_temp_filename: str | None = None,
        print_output: bool = False,
        print_input: bool = False,
        **arguments: Unpack[ConnectorArguments],
    ) -> bool:
        """Refuse, as ``put_file`` does."""
        self._refuse_transfer(remote_filename)

    def _refuse_transfer(self, what: str) -> Never:
        # An OSError fails this operation on this host; other classes end the run for all.
        raise OSError(
            f"{self.host.name}: {what}: @rempart transfers no files; "
            "use rempart's File resource, which sends content on stdin"
        )


def _refusal(arguments: ConnectorArguments) -> str | None:
    if arguments.get("_sudo_password") or arguments.get("_su_password"):
        return "@rempart takes no sudo or su password (others could read it); enrol the host"
    if arguments.get("_get_pty"):
        return "@rempart opens no terminal: the automation key may not; remove _get_pty"
    return None


def _stdin_bytes(stdin: Any) -> bytes:
    """Return what pyinfra accepts as ``_stdin`` (text, bytes, lines, a file) as bytes."""
    if stdin is None:
        return b""
    if isinstance(stdin, bytes):
        return stdin
    lines: Iterable[str] = [stdin] if isinstance(stdin, str) else stdin
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines).encode()
