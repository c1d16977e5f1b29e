"""Guard: a risky change is confirmed over a NEW connection, or the host undoes it by itself.

The promise: whatever happens to the controller, the network or the daemons, the operator can get in
again after ``window_s`` seconds. What runs on the host is ``remote/guard.sh`` and
``remote/revert.sh``; this module is the controller's side.
"""

from __future__ import annotations

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
from rempart.engine.transport import Result, connect, printable
from rempart.errors import RempartError
from rempart.resources import Change
from rempart.resources.base import call, encoded

WINDOW_S = 60
"""Seconds from arming to the host's own revert."""

GRACE_S = 30
"""Seconds that a revert may take, daemons included."""

LIBRARIES = ("tidy", "guard")
"""What ``remote/`` holds for the guard, beside ``lib``."""


def owner() -> str:
    """Return who runs this, as it is shown to the other technician."""
    return re.sub(r"[^\w.@-]", "?", f"{getpass.getuser()}@{socket.gethostname()}")


def _run_id() -> str:
    return f"{time.strftime('%Y%m%dT%H%M%S')}-{secrets.token_hex(4)}"


@dataclass(frozen=True)
class Guard:
    """One guarded window on one host."""

    run: str = field(default_factory=_run_id)
    nonce: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    window_s: int = WINDOW_S

    def open(self) -> StringCommand:
        """Return the command that opens the window's staging area."""
        return as_root(call("guard_open", self.run, owner()), *LIBRARIES)

    def stage(self, index: int, change: Change) -> StringCommand:
        """Return the command that lays a change ready on the host without making it."""
        script = encoded(shell("lib") + change.script)
        precheck = f"precheck() {{\n{change.precheck}}}\n" if change.precheck else ""
        stage = call("guard_stage", self.run, f"{index:04d}", *change.touches, stdin=script)
        return as_root(precheck + stage, *LIBRARIES)

    def switch(self) -> StringCommand:
        """Return the command that bundles the old state, arms, and makes all staged changes."""
        revert = encoded(shell("tidy") + shell("revert"))
        body = call("guard_switch", self.run, str(self.window_s), self.nonce, stdin=revert)
        return as_root(body, *LIBRARIES)

    def confirm_script(self) -> str:
        """Return the sh that keeps the changes; it carries the nonce, so only stdin may see it."""
        return _script(call("guard_confirm", self.nonce))


FINAL_WORDS = (
    "nothing was changed",
    "the host has put everything back",
    "use the console",
    "for this run",
)
"""How ``guard_switch`` ends when nothing of it is going on any more."""


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
        _await_revert(guard, route, reason, began)


def _script(body: str) -> str:
    return "".join(map(shell, ("lib", *LIBRARIES))) + body


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
            said = _ask(route, guard.confirm_script(), left)
        except RempartError as error:
            reason = str(error)
        else:
            if said.stdout.strip().endswith(b"confirmed"):
                return ""
            reason = f"on a new connection: {printable(said.stderr).strip() or 'sudo refused'}"
            if "put everything back" in reason:
                return reason
        time.sleep(0.5)
    return reason


def _ask(route: Route, script: str, timeout_s: float) -> Result:
    """Run a script as root over a connection of its own."""
    with connect(route, timeout_s=min(10.0, timeout_s)) as connection:
        return connection.run("sudo -n sh -s", stdin=script.encode(), timeout_s=max(timeout_s, 1))


def _await_revert(guard: Guard, route: Route, reason: str, began: float) -> None:
    """Wait for the host's own revert and raise GuardError with what it came to.

    Returns when the host says that it kept the changes: only its answer to us was lost.
    """
    who = f"{route.name}: guard: {reason}"
    deadline = began + guard.window_s + GRACE_S
    last = "not asked yet"
    while time.monotonic() < deadline:
        try:
            said = _ask(route, _script("guard_state\n"), timeout_s=10).stdout.decode().split()
        except (RempartError, UnicodeDecodeError) as error:
            last = f"NOT REACHABLE after {GRACE_S} s of grace: {error}"
        else:
            if said == [guard.run, "confirmed"]:
                return
            if said == [guard.run, "reverted"]:
                took = time.monotonic() - began
                raise GuardError(
                    f"{who}; the host put everything back by itself and was reachable again"
                    f" after {took:.0f} s; nothing of the guarded part is left"
                )
            last = (
                "reachable, but NOT everything is put back; see journalctl -t rempart on the host"
            )
        time.sleep(1)
    raise GuardError(f"{who}; {last}")
