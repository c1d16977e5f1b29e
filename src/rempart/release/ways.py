"""Who can still get in and become root once rempart has left; without anybody it stays."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase

from rempart.hardening.accounts import SUDO_GROUP
from rempart.resources import Observation

MOST_NAMES = 64
"""Groups of one account; with more it is taken for shut out, for each is compared with patterns."""

MOST_PATTERNS = 100
"""With a wildcard, in the lists of all accounts together; a host's own answer may be a trap."""

Sshd = Mapping[str, list[str]]
"""What ``sshd -T`` says to one account: ``{"passwordauthentication": ["yes"], …}``."""


def ways_in(
    seen: Observation, gone: Collection[str], groups: Mapping[str, Collection[str]]
) -> dict[str, list[str]]:
    """Return each administrator who stays, with how: ``{"root": ["on the console"], …}``.

    ``gone`` are logins that will have no account, ``groups`` the groups of logins whose membership
    changes. sudo asks for a password, so an administrator without one is none; root needs none.
    Nobody is seen to stay where the lists of sshd_config(5) are longer than any that was meant.
    """
    found: dict[str, list[str]] = {}
    said_to = " ".join(
        said for fields in seen.facts.get("admin", {}).values() for said in fields[3:4]
    )
    if sum(map(_has_wildcard, said_to.split())) > MOST_PATTERNS:
        return found
    for login, fields in seen.facts.get("admin", {}).items():
        password, key, member_of, said = (*fields, "", "", "", "")[:4]
        inside = groups.get(login, member_of.split(","))
        root = login == "root"
        if login in gone or not (root or (SUDO_GROUP in inside and password == "yes")):
            continue
        how = list(_ways(login, inside, password == "yes", key == "yes", _said(said)))
        if how:
            found[login] = how
    return found


def _ways(
    login: str, groups: Collection[str], password: bool, key: bool, sshd: Sshd
) -> Iterator[str]:
    if _lets_in(login, groups, sshd):
        root = sshd.get("permitrootlogin", ["no"])[0] if login == "root" else "yes"
        if password and root == "yes" and _takes_passwords(sshd):
            yield "over SSH with a password"
        if key and root in {"yes", "without-password", "prohibit-password"} and _takes_keys(sshd):
            yield "over SSH with a key"
    if password:
        yield "on the console"


def _said(text: str) -> Sshd:
    said: dict[str, list[str]] = {}
    for line in text.split(";"):
        option, _, value = line.partition(" ")
        said.setdefault(option, []).append(value)
    return said


def _lets_in(login: str, groups: Collection[str], sshd: Sshd) -> bool:
    """Return whether the four lists of sshd_config(5) let an account in, from wherever."""
    if len(groups) > MOST_NAMES:
        return False
    for names, option in (([login], "users"), (groups, "groups")):
        if _matches(names, sshd.get(f"deny{option}", [])):
            return False
        allowed = sshd.get(f"allow{option}", [])
        if allowed and not _matches(names, allowed):
            return False
    return bool(sshd.get("pubkeyauthentication"))  # no answer at all is no way in


def _matches(names: Collection[str], patterns: Collection[str]) -> bool:
    words = {word.partition("@")[0] for line in patterns for word in line.split()}
    wild = [word for word in words if _has_wildcard(word)]
    return not words.isdisjoint(names) or any(
        fnmatchcase(name, word) for word in wild for name in names
    )


def _has_wildcard(word: str) -> bool:
    return any(character in word for character in "*?[")


def _takes_passwords(sshd: Sshd) -> bool:
    options = ("passwordauthentication", "kbdinteractiveauthentication")
    offered = any(sshd.get(option) == ["yes"] for option in options)
    return offered and _method(sshd, "password", "keyboard-interactive")


def _takes_keys(sshd: Sshd) -> bool:
    return sshd["pubkeyauthentication"] == ["yes"] and _method(sshd, "publickey")


def _method(sshd: Sshd, *methods: str) -> bool:
    """Return whether one of the methods is enough by itself; "any" is what sshd says by default."""
    alternatives = " ".join(sshd.get("authenticationmethods", ["any"])).split()
    return "any" in alternatives or any(each.startswith(methods) and "," not in each
                                        for each in alternatives)  # fmt: skip
