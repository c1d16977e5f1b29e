"""Guard: a risky change is confirmed over a NEW connection, or the host undoes it by itself.

The promise: whatever happens to the controller, the network or the daemons, the operator can get in
again after ``window_s`` seconds. What runs on the host is ``remote/guard.sh`` and
``remote/revert.sh``; this module is the controller's side.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field

from pyinfra.api import Host, StringCommand

from rempart.engine.lock import REFUSALS, Lock
from rempart.engine.remote import shell, whole
from rempart.engine.route import Route
from rempart.engine.transport import Result, connect, printable_lines
from rempart.errors import RempartError
from rempart.resources import Change
from rempart.resources.base import call, encoded

WINDOW_S = 60
"""Seconds from arming to the host's own revert."""

GRACE_S = 45
"""Seconds that a revert may take: up to 25 for a step that hangs, then files and daemons."""

LOGIN_S = 10.0
"""Seconds that one step of a login may take."""

LIBRARIES = ("tidy", "guard")
"""What ``remote/`` holds for the guard, beside ``lib``."""


@dataclass(frozen=True)
class Guard:
    """One guarded window on one host, of the run that holds its lock."""

    lock: Lock = field(default_factory=Lock)
    nonce: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    window_s: int = WINDOW_S

    @property
    def run(self) -> str:
        """Return the run's name."""
        return self.lock.run

    def open(self) -> str:
        """Return sh that opens the window's staging area, with the functions of all changes."""
        return call("guard_open", self.run, self.lock.owner, stdin=encoded(shell("lib")))

    def stage(self, index: int, change: Change) -> str:
        """Return sh that lays a change ready on the host without making it."""
        precheck = f"precheck() {{\n{change.precheck or ':'}\n}}\n"
        words = (self.run, f"{index:04d}", change.label, *change.touches)
        return precheck + call("guard_stage", *words, stdin=encoded(change.script))

    def switch(self) -> str:
        """Return sh that bundles the old state, arms, and makes all staged changes."""
        revert = encoded("".join(map(shell, ("lock", "tidy", "revert"))))
        return call("guard_switch", self.run, str(self.window_s), self.nonce, stdin=revert)

    def confirm_script(self) -> str:
        """Return the sh that keeps the changes; it carries the nonce, so only stdin may see it."""
        return _script(call("guard_confirm", self.nonce))


FINAL_WORDS = (
    "nothing was changed",
    "the host has put everything back",
    "use the console",
    "see the journal",
    "for this run",
    *REFUSALS,
)
"""How ``guard_switch`` ends when nothing of it is going on any more."""


class GuardError(RempartError):
    """The change was not confirmed; the text says what state the host is in."""


def carry_out(host: Host, switch: StringCommand, guard: Guard, route: Route) -> None:
    """Switch and confirm; raise GuardError with the host's state when it could not be confirmed.

    ``switch`` is the command that carries ``guard.switch()`` out.
    """
    began = time.monotonic()
    refusal = _switch(host, switch, guard.window_s)
    if refusal:
        raise GuardError(f"{route.name}: guard: {refusal}")
    reason = _confirm(guard, route, until=began + guard.window_s)
    if reason:
        _await_revert(guard, route, reason, began)


def _script(body: str) -> str:
    return whole(body, *LIBRARIES)


def _switch(host: Host, command: StringCommand, timeout_s: int) -> str:
    """Make the staged changes; return the host's own word where it made none or undid them.

    Silence is no such word: a firewall that cuts this connection may be what was just loaded.
    """
    ok, output = host.run_shell_command(command, _timeout=timeout_s, **command.connector_arguments)
    said = output.stderr_lines
    if ok or not said or not said[-1].endswith(FINAL_WORDS):
        return ""
    return "; ".join(said[-5:])


def _confirm(guard: Guard, route: Route, until: float) -> str:
    """Prove key login and sudo on a new connection and confirm there; return why not, or ''."""
    reason = ""
    while (left := until - time.monotonic()) > 0:
        try:
            said = _ask(route, guard.confirm_script(), left)
        except RempartError as error:
            # An attempt that the window's end cuts short knows less than the ones before it.
            reason = reason if time.monotonic() >= until and reason else str(error)
        else:
            if said.stdout.strip().endswith(b"confirmed"):
                return ""
            lines = [line[:200] for line in printable_lines(said.stderr or said.stdout)[-5:]]
            reason = f"on a new connection: {'; '.join(lines) or 'no word from its shell or sudo'}"
            if "put everything back" in reason:
                return reason
        time.sleep(0.5)
    return reason or "no time left to prove a new login"


def _ask(route: Route, script: str, timeout_s: float) -> Result:
    """Run a script as root over a connection of its own."""
    with connect(route, timeout_s=min(LOGIN_S, timeout_s)) as connection:
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
            answer = _ask(route, _script("guard_state\n"), timeout_s=10).stdout
        except RempartError as error:
            last = f"NOT REACHABLE after {GRACE_S} s of grace: {error}"
        else:
            lines = printable_lines(answer)
            said, missing = lines[:2], [f": {line[:200]}" for line in lines[2:7]]
            if said == [guard.run, "confirmed"]:
                return
            last = (
                f"reachable, but NOT everything is put back{''.join(missing)};"
                " see journalctl -t rempart on the host"
            )
            if said == [guard.run, "reverted"]:
                took = time.monotonic() - began
                raise GuardError(
                    f"{who}; {last}"
                    if missing
                    else f"{who}; the host put everything back by itself and was reachable again"
                    f" after {took:.0f} s; nothing of the guarded part is left"
                )
        time.sleep(1)
    raise GuardError(f"{who}; {last}")
