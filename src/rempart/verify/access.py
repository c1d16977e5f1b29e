"""Who may log in to a host with which keys: the policy's answer, and reading the host's."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from rempart.policy import AuthorizedKey, Host, Policy
from rempart.policy.value import LOGIN
from rempart.verify.machine import AnswerError

KEY_FOLDER = "/etc/ssh/authorized_keys.d"
_KEY = re.compile(
    r'(?:(?P<options>(?:[^\s"]|"[^"]*")+)\s+)?(?P<kind>[a-z][\w@.-]+)\s+(?P<blob>AAAA\S+)'
)
MOST_ACCOUNTS = 10_000

LONGEST_LINE = 8 * 1024
"""Characters of a line with a key; an RSA key of 8192 bits takes 1400."""

_EXPIRY = re.compile(r'(?:^|,)expiry-time="?(\d{8})')
_FIRST_PERSON_ID, _NOBODY = 1000, 65534


@dataclass(frozen=True)
class Account:
    """One line of passwd(5)."""

    login: str
    uid: int
    home: str


def wanted_keys(policy: Policy, host: Host, today: date) -> dict[str, dict[str, date | None]]:
    """Return login -> key (base64) -> its last day, for everybody who may log in over SSH."""
    people = {technician.login: technician.keys for technician in policy.technicians(today)}
    people |= {person.login: person.keys for person in policy.people_on(host, today)}
    wanted = {login: _valid(keys, today) for login, keys in people.items()}
    automation = policy.provider.automation
    wanted[automation.user] = {automation.public_key.split()[1]: None}
    return {login: keys for login, keys in wanted.items() if keys}


def _valid(keys: Iterable[AuthorizedKey], today: date) -> dict[str, date | None]:
    return {key.text.split()[1]: key.expires for key in keys if key.is_valid(today)}


def wanted_accounts(policy: Policy, host: Host, today: date) -> dict[str, date | None]:
    """Return login -> last day of every account that belongs on a host."""
    people = {person.login: person.until for person in policy.people_on(host, today)}
    staff = {technician.login: technician.until for technician in policy.technicians(today)}
    return {**people, **staff, policy.provider.automation.user: None}


def expired(shadow: str, today: date) -> set[str]:
    """Return the accounts of ``getent shadow`` that let nobody in on that day, shadow(5)."""
    fields = [line.split(":") for line in shadow.splitlines()]
    # Of two lines with one login the first counts.
    days = {each[0]: each[7] for each in reversed(fields) if len(each) == 9}
    now = (today - date(1970, 1, 1)).days
    return {
        login for login, day in days.items()
        if day.isdecimal() and len(day) < 10 and int(day) <= now
    }  # fmt: skip


def foreign_lines(text: str, wanted: dict[str, date | None]) -> list[str]:
    """Return the lines of an authorized_keys file that the policy does not name.

    A key it names is foreign too when the line opens longer than the policy says.
    """
    lines = [line.strip() for line in text.splitlines()]
    keys = [line for line in lines if line and not line.startswith("#")]
    return [line[:80] for line in keys if not _is_wanted(line, wanted)]


def _is_wanted(line: str, wanted: dict[str, date | None]) -> bool:
    match = _key(line)
    if not match or match["blob"] not in wanted:
        return False
    options = match["options"] or ""
    last_day = wanted[match["blob"]]
    if "cert-authority" in options:
        return False
    if last_day is None:
        return True
    # sshd(8): the key is refused from that time on, so on the day after its last one.
    expiry = _EXPIRY.search(options)
    return expiry is not None and expiry[1] <= f"{last_day + timedelta(days=1):%Y%m%d}"


def blobs(text: str) -> set[str]:
    """Return the keys (base64) that an authorized_keys file holds."""
    return {match["blob"] for line in text.splitlines() if (match := _key(line.strip()))}


def _key(line: str) -> re.Match[str] | None:
    return _KEY.match(line) if len(line) <= LONGEST_LINE else None


def parse_accounts(passwd: str) -> list[Account]:
    """Return the accounts of ``getent passwd``; lines that are none are left out.

    Raises:
        AnswerError: more accounts than any practice has.
    """
    lines = passwd.splitlines()
    if len(lines) > MOST_ACCOUNTS:
        raise AnswerError(f"getent passwd: names more than {MOST_ACCOUNTS} accounts")
    accounts = []
    for line in lines:
        fields = line.split(":")
        if len(fields) == 7 and fields[2].isdecimal() and len(fields[2]) <= 10:
            accounts.append(Account(fields[0], int(fields[2]), fields[5]))
    return accounts


def people(accounts: Iterable[Account]) -> list[Account]:
    """Return the accounts that are people's: uid 1000 and above (login.defs(5), UID_MIN)."""
    return [a for a in accounts if a.uid >= _FIRST_PERSON_ID and a.uid != _NOBODY]


def is_safe(login: str) -> bool:
    """Return whether a login that a host told us is one that a policy could name."""
    return LOGIN.fullmatch(login) is not None
