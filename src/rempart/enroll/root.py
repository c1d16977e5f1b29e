"""Ways to run scripts as root on a host: with a person's password once, then as the automation.

Promise: a password travels inside SSH alone, to a host whose key was confirmed, and to sudo on its
stdin; it is tried once, because a second wrong one may lock the person's account.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from rempart.engine.route import Route
from rempart.engine.transport import (
    Connection,
    LoginError,
    Result,
    connect,
    log_in,
    printable_lines,
    reach,
)
from rempart.enroll.error import EnrollError

# Debian's PAM answers a wrong password after two seconds, and looks up names before.
LOGIN_TIMEOUT_S = 30.0
# Long enough for apt-get to install sudo where there is none.
SCRIPT_TIMEOUT_S = 600.0

# C: sudo's complaints are read. -k: never a cached login, so that it is known what sudo reads.
SUDO = "env LC_ALL=C sudo -k -n sh -s"
SUDO_WITH_PASSWORD = "env LC_ALL=C sudo -k -S -p '' "


@dataclass(frozen=True)
class Root:
    """A connection on which scripts run as root."""

    connection: Connection
    command: str
    before: bytes = field(default=b"", repr=False)

    def run(self, script: str) -> Result:
        """Run a POSIX shell script that is sent on stdin."""
        stdin = self.before + script.encode()
        return self.connection.run(self.command, stdin, timeout_s=SCRIPT_TIMEOUT_S)


def automation_root(route: Route) -> Root | None:
    """Return root by way of the automation account, or None where it is not set up yet.

    Raises:
        TransportError: the host cannot be reached, or is not who it should be.
    """
    try:
        connection = connect(route, LOGIN_TIMEOUT_S)
    except LoginError:
        return None
    root = Root(connection, SUDO)
    if root.run("true\n").returncode == 0:
        return root
    connection.close()
    return None


def person_root(route: Route, user: str, password: Callable[[], str]) -> Root:
    """Return root by way of a person's password; ``password`` is asked once the host is proven.

    Raises:
        LoginError: the login was refused.
        EnrollError: sudo refused.
        TransportError: the host cannot be reached, or is not who it should be.
    """
    route = replace(route, user=user)
    reach(route, LOGIN_TIMEOUT_S).close()  # a person types longer than sshd waits for a login
    secret = password()
    connection = reach(route, LOGIN_TIMEOUT_S)
    try:
        log_in(connection, lambda: connection.transport.auth_password(user, secret))
        return _become_root(connection, secret)
    except BaseException:
        connection.close()
        raise


def _become_root(connection: Connection, password: str) -> Root:
    asked = connection.run("id -u")
    if asked.stdout.strip() == b"0":
        return Root(connection, "env LC_ALL=C sh -s")
    if asked.returncode != 0:
        raise _refusal(connection, "runs no commands for this user", asked, "log in there by hand")
    if _is_root(connection.run(SUDO, b"id -u\n")):
        return Root(connection, SUDO)
    before = f"{password}\n".encode()
    # Only the password, then the end: of a wrong one sudo would read the next line as a second try.
    tried = connection.run(f"{SUDO_WITH_PASSWORD} id -u", before)
    if _is_root(tried):
        return Root(connection, f"{SUDO_WITH_PASSWORD} sh -s", before)
    raise _sudo_refusal(connection, tried)


def _is_root(result: Result) -> bool:
    return result.returncode == 0 and result.stdout.strip() == b"0"


def _sudo_refusal(connection: Connection, tried: Result) -> EnrollError:
    if tried.returncode == 127:
        return _refusal(connection, "has no sudo", tried, "enrol with --user root")
    if b"incorrect password" in tried.stderr:
        return _refusal(connection, "sudo refused the password", tried, "give the right one")
    if b"not in the sudoers file" in tried.stderr or b"not allowed" in tried.stderr:
        remedy = "enrol with --user, a sudoer or root"
        return _refusal(connection, "this user may not use sudo", tried, remedy)
    return _refusal(connection, "sudo failed", tried, "enrol with --user root, or mend sudo there")


def _refusal(connection: Connection, what: str, result: Result, remedy: str) -> EnrollError:
    route = connection.route
    said = [line for line in printable_lines(result.stderr or result.stdout) if line.strip()]
    got = said[-1][:200] if said else f"exit {result.returncode}"
    return EnrollError(
        f"{route.name}: {route.user}: {what} (got {got}); nothing was changed, {remedy}"
    )
