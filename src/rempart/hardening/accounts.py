"""Accounts: who has one, with which keys (AC-1 to AC-5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta

from rempart.policy import AuthorizedKey, Host, Policy, Traits
from rempart.resources import Directory, File, Group, Resource, Roster, Setting, User

SSH_GROUP = "rempart-ssh"
"""Whoever may log in over SSH is in this group; sshd's AllowGroups names it alone."""

SUDO_GROUP = "sudo"
KEY_FOLDER = "/etc/ssh/authorized_keys.d"


def desired(policy: Policy, host: Host, traits: Traits, today: date) -> Sequence[Resource]:
    """Return the groups, accounts and key files of everybody who belongs on this host."""
    keys = key_lines(policy, host, today)
    return [
        Group(
            concern="accounts",
            controls=("AC-1", "AC-2", "AC-3"),
            risky=True,
            group=SSH_GROUP,
        ),
        Setting(
            concern="accounts",
            controls=("AC-1",),
            risky=True,
            path="/etc/login.defs",
            setting="HOME_MODE",
            value="0700",
        ),
        *_accounts(policy, host, today),
        *_roster(policy, host, today),
        Directory(
            concern="accounts",
            controls=("AC-3", "AC-5"),
            risky=True,
            path=KEY_FOLDER,
            only=tuple(sorted(keys)),
        ),
        *(
            File(
                concern="accounts",
                controls=("AC-3", "AC-5"),
                risky=True,
                path=f"{KEY_FOLDER}/{login}",
                content="".join(f"{line}\n" for line in lines),
            )
            for login, lines in keys.items()
        ),
    ]


def _accounts(policy: Policy, host: Host, today: date) -> list[User]:
    """Return technicians (administrators everywhere) and the people of this host."""
    accounts = [
        _account(technician.login, technician.name, (SUDO_GROUP, SSH_GROUP), technician.until)
        for technician in policy.technicians(today)
    ]
    for person in policy.people_on(host, today):
        groups = [SUDO_GROUP] if person.role == "administrator" else []
        groups += [SSH_GROUP] if person.keys else []
        accounts.append(_account(person.login, person.name, tuple(groups), person.until))
    for leaver in policy.leavers_on(host, today):
        closed = _account(leaver.login, leaver.name, (), leaver.until)
        accounts.append(replace(closed, controls=("AC-4",), left=True))
    automation = policy.provider.automation.user
    ours = _account(automation, "rempart automation", (SSH_GROUP,), None)
    return [*accounts, replace(ours, shell="/bin/sh", system=True)]


def _roster(policy: Policy, host: Host, today: date) -> list[Roster]:
    """Return the lock on everybody else's account, where the policy wants it."""
    if policy.accounts.unknown != "lock":
        return []
    named = [*policy.people_on(host, today), *policy.technicians(today)]
    named += policy.leavers_on(host, today)
    known = {*(each.login for each in named), *policy.kept_on(host)}
    known.add(policy.provider.automation.user)
    return [Roster(concern="accounts", controls=("AC-1",), risky=True, known=tuple(sorted(known)))]


def _account(login: str, name: str, groups: tuple[str, ...], until: date | None) -> User:
    return User(
        concern="accounts",
        controls=("AC-1", "AC-2", "AC-3"),
        risky=True,
        login=login,
        comment=name,
        groups=groups,
        managed=(SUDO_GROUP, SSH_GROUP),
        until=until,
    )


def key_lines(policy: Policy, host: Host, today: date) -> dict[str, list[str]]:
    """Return the authorized_keys lines of everybody who may log in, by login."""
    owners = {t.login: t.keys for t in policy.technicians(today)}
    owners |= {person.login: person.keys for person in policy.people_on(host, today)}
    lines = {login: _dated(keys, today) for login, keys in owners.items()}
    lines[policy.provider.automation.user] = [automation_line(policy, host)]
    return {login: lines[login] for login in sorted(lines) if lines[login]}


def _dated(keys: Iterable[AuthorizedKey], today: date) -> list[str]:
    """Return keys, sorted, with their end as sshd has it, sshd(8) AUTHORIZED_KEYS FILE FORMAT.

    ``expires`` is the last day; ``expiry-time`` is the first moment, in the host's time zone.
    """
    return sorted(
        f'expiry-time="{key.expires + timedelta(days=1):%Y%m%d}" {key.text}'
        if key.expires
        else key.text
        for key in keys
        if key.is_valid(today)
    )


def automation_line(policy: Policy, host: Host) -> str:
    """Return the automation account's line: its networks only, no terminal, no forwarding.

    A jump host's automation key may forward; sshd's PermitOpen says where to.
    """
    sources = ",".join(map(str, policy.automation_sources(host)))
    jumps = any(other.jump == host.name for other in policy.hosts)
    options = f'from="{sources}",restrict{",port-forwarding" if jumps else ""}'
    return f"{options} {policy.provider.automation.public_key}"
