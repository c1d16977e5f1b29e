"""Guard: a risky change is confirmed over a NEW connection, or the host undoes it by itself.

The promise: whatever happens to the controller, the network or the daemons, the operator can get in
again after ``window_s`` seconds. What runs on the host is ``remote/guard.sh`` and
``remote/revert.sh``; this module is the controller's side.
"""

from __future__ import annotations

import base64
import getpass
import re
import secrets
import socket
import time
from dataclasses import dataclass, field

from pyinfra.api import Host, State, StringCommand

from rempart.engine.remote import shell
from rempart.engine.route import Route
from rempart.engine.run import as_root
from rempart.engine.transport import TransportError, connect, printable
from rempart.errors import RempartError
from rempart.resources import Change
from rempart.resources.base import call

WINDOW_S = 60
"""Seconds from arming to the host's own revert."""

GRACE_S = 30
"""Seconds that a revert may take, daemons included."""


def owner() -> str:
    """Return who runs this, as it is shown to the other technician."""
    return re.sub(r"[^\w.@-]", "?", f"{getpass.getuser()}@{socket.gethostname()}")


def _run_id() -> str:
    return f"{time.strftime('%Y%m%dT%H%M%S')}-{secrets.token_hex(4)}"


@dataclass(frozen=True)
class Guard:
    """One guarded window on one host."""

    run: str = field(
        default_factory=lambda: f"{time.strftime('%Y%m%dT%H%M%S')}-{secrets.token_hex(4)}"
    )
    nonce: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    window_s: int = WINDOW_S

    def open(self) -> StringCommand:
        """Return the command that opens the window's staging area."""
        return as_root(call("guard_open", self.run, owner()), "guard")

    def stage(self, index: int, change: Change) -> StringCommand:
        """Return the command that lays a change ready on the host without making it."""
        script = shell("lib") + change.script
        body = call(
            "guard_stage", self.run, f"{index:04d}", *change.touches,
            stdin=base64.encodebytes(script.encode()).decode().strip(),
        )  # fmt: skip
        return as_root(body, "guard")

    def switch(self) -> StringCommand:
        """Return the command that bundles the old state, arms, and makes all staged changes."""
        revert = base64.encodebytes(shell("revert").encode()).decode().strip()
        return as_root(
            call("guard_switch", self.run, str(self.window_s), self.nonce, stdin=revert), "guard"
        )

    def confirm_script(self) -> str:
        """Return the sh that keeps the changes; it carries the nonce, so only stdin may see it."""
        return shell("lib") + shell("guard") + call("guard_confirm", self.nonce)


FINAL_WORDS = (
    "nothing was changed",
    "the host has put everything back",
    "wait for it",
    "for this run",
)
"""How ``guard_switch`` ends when the host is as before."""


class GuardError(RempartError):
    """The change was not confirmed; the text says what state the host is in."""


def carry_out(state: State, host: Host, guard: Guard, route: Route) -> None:
    """Switch and confirm; raise GuardError with the host's state when it could not be confirmed."""
    began = time.monotonic()
    refusal = _switch(host, guard)
    if refusal:
        raise GuardError(f"{route.name}: guard: {refusal}")
    reason = _confirm(guard, route, until=began + guard.window_s)
    if reason:
        raise GuardError(_outcome(guard, route, reason, began))


def _switch(host: Host, guard: Guard) -> str:
    """Make the staged changes; return the host's own word where it made none or undid them.

    Silence is no such word: a firewall that cuts this connection may be what was just loaded.
    """
    command = guard.switch()
    ok, output = host.run_shell_command(
        command, _timeout=guard.window_s, **command.connector_arguments
    )
    said = output.stderr_lines
    if ok or not said or not said[-1].endswith(FINAL_WORDS):
        return ""
    return "; ".join(said[-5:])


def _confirm(guard: Guard, route: Route, until: float) -> str:
    """Prove key login and sudo on a new connection and confirm there; return why not, or ''."""
    reason = "no time left to prove a new login"
    while (left := until - time.monotonic()) > 0:
        try:
            with connect(route, timeout_s=min(10.0, left)) as connection:
                result = connection.run(
                    "sudo -n sh -s", stdin=guard.confirm_script().encode(), timeout_s=max(left, 1)
                )
        except TransportError as error:
            reason = str(error)
        else:
            if result.returncode == 0 and result.stdout.strip().endswith(b"confirmed"):
                return ""
            reason = f"sudo on a new connection: {printable(result.stderr).strip() or 'refused'}"
            if "put everything back" in reason:
                return reason
        time.sleep(0.5)
    return reason


def _outcome(guard: Guard, route: Route, reason: str, began: float) -> str:
    """Wait for the host's own revert and say what it came to."""
    deadline = began + guard.window_s + GRACE_S
    time.sleep(max(0.0, began + guard.window_s - time.monotonic()))
    question = "sudo -n sh -c 'cd /var/lib/rempart/guard && head -n1 run && ls -d reverted'"
    last = "not asked yet"
    while time.monotonic() < deadline:
        try:
            with connect(route, timeout_s=5.0) as connection:
                answer = connection.run(question, timeout_s=10).stdout.decode("ascii", "replace")
            if guard.run in answer and "reverted" in answer:
                took = time.monotonic() - began
                return (
                    f"{route.name}: guard: {reason}; the host put everything back by itself and was"
                    f" reachable again after {took:.0f} s; nothing of the guarded part is left"
                )
            last = "it is reachable but has not finished putting everything back"
        except TransportError as error:
            last = str(error)
        time.sleep(1)
    return f"{route.name}: guard: {reason}; NOT REACHABLE after {GRACE_S} s of grace: {last}"
