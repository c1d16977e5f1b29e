"""The automation account on the host: made in one root script, proven by its own login."""

from __future__ import annotations

from importlib.resources import files
from ipaddress import ip_address
from shlex import quote

from rempart.engine import traits
from rempart.engine.transport import Connection, Result, printable, printable_lines
from rempart.enroll.error import EnrollError
from rempart.enroll.root import Root
from rempart.hardening.accounts import SSH_GROUP, automation_line
from rempart.policy import Host, Policy

HOME = "/var/lib/rempart-automation"

_SUDOERS = """\
# rempart's automation account, made by rempart enroll: key only, from the management networks.
Defaults:{user} !requiretty, syslog=authpriv
{user} ALL=(ALL:ALL) NOPASSWD: ALL"""

_REMEDIES = {
    "root": ("is not root", "enrol with --user root"),
    "systemd": ("PID 1 is not systemd", "rempart hardens systemd hosts only"),
    "distribution": (
        "no lab image has passed for this distribution",
        "install Debian 12 or 13 on it",
    ),
    "account": (
        "the account exists and is not rempart's",
        "rename it there, or name another one in automation.user",
    ),
    "sudo": ("sudo is missing and cannot be installed", "mend apt there, or install it by hand"),
}

_PROOF = r"""
printf 'source\t%s\n' "${SSH_CONNECTION%% *}"
sudo -n true && printf 'sudo\tyes\n'
"""


def script(policy: Policy, host: Host) -> str:
    """Return the root script that makes the account; running it again changes nothing."""
    user = policy.provider.automation.user
    values = {
        "user": user,
        "home": HOME,
        "access_group": SSH_GROUP,
        "key_line": automation_line(policy, host),
        "sudoers": _SUDOERS.format(user=user),
    }
    assignments = "".join(f"{name}={quote(value)}\n" for name, value in values.items())
    return assignments + files(__package__).joinpath("account.sh").read_text()


def make_account(root: Root, policy: Policy, host: Host) -> list[str]:
    """Make the account; return what was changed, in words, empty when nothing was.

    Raises:
        EnrollError: refused or failed; the host is as it was.
    """
    result = root.run(script(policy, host))
    lines = printable_lines(result.stdout)
    for line in lines:
        if line.startswith("refused\t"):
            raise _refused(policy.host_id(host), line)
    if result.returncode != 0 or lines[-1:] != ["done"]:
        said = printable_lines(result.stderr)[-1:] or [f"exit {result.returncode}"]
        raise EnrollError(
            f"{policy.host_id(host)}: the automation account could not be made "
            f"(got {said[0][:200]}); what was begun was undone, mend that and enrol again"
        )
    return [line.removeprefix("changed\t") for line in lines[:-1]]


def _refused(name: str, line: str) -> EnrollError:
    _, reason, value = (*line.split("\t", 2), "", "")[:3]
    what, remedy = _REMEDIES.get(reason, ("it refused", "see its log"))
    return EnrollError(f"{name}: {what} (got {value[:200]}); nothing was changed, {remedy}")


def check_source(connection: Connection, policy: Policy, host: Host) -> None:
    """Make sure that the host sees us come from where the automation key will be allowed.

    Raises:
        EnrollError: it does not; the key would be refused from here.
    """
    result = connection.run('echo "$SSH_CONNECTION"')
    _check_address(result.stdout.split(b" ")[0].decode("ascii", "replace"), policy, host)


def prove(connection: Connection, policy: Policy, host: Host) -> dict[str, str]:
    """On a login with the automation key: sudo works, the source is allowed; return the traits.

    Raises:
        EnrollError, RempartError: what does not hold.
    """
    result = connection.run("env LC_ALL=C sh -s", (_PROOF + traits.probe()).encode())
    lines = printable_lines(result.stdout)
    answers = dict(line.split("\t", 1) for line in lines if line.count("\t") == 1)
    if answers.get("sudo") != "yes":
        raise _no_sudo(policy.host_id(host), result)
    _check_address(answers.get("source", ""), policy, host)
    return traits.parse(lines)


def _no_sudo(name: str, result: Result) -> EnrollError:
    said = printable_lines(result.stderr)[-1:] or ["no answer"]
    return EnrollError(
        f"{name}: the automation account has no sudo (got {said[0][:200]}); "
        "see whether /etc/sudoers reads /etc/sudoers.d, then enrol again"
    )


def _check_address(seen: str, policy: Policy, host: Host) -> None:
    sources = policy.automation_sources(host)
    name = policy.host_id(host)
    try:
        address = ip_address(seen)
    except ValueError:
        raise EnrollError(
            f"{name}: SSH_CONNECTION: is no address (got {printable(seen)[:60]!r}); "
            "see what the login shell does there"
        ) from None
    if any(address in network for network in sources):
        return
    where = f"'inside' of host {host.jump}" if host.jump else "the provider's 'management'"
    raise EnrollError(
        f"{name}: it sees rempart come from outside {', '.join(map(str, sources))} "
        f"(got {address}); add {address} to {where} and enrol again"
    )
