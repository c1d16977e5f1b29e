"""Who can still become root: sudo wants a password, root wants none, and sshd has its lists."""

from __future__ import annotations

import pytest

from rempart.release.ways import ways_in
from rempart.resources import Observation

STOCK = (
    "passwordauthentication yes;kbdinteractiveauthentication no;pubkeyauthentication yes;"
    "permitrootlogin without-password;authenticationmethods any;authorizedkeysfile .ssh/x"
)
HARDENED = (
    "passwordauthentication no;kbdinteractiveauthentication no;pubkeyauthentication yes;"
    "permitrootlogin no;authenticationmethods publickey;allowgroups rempart-ssh"
)


def ways(login: str, password: str, key: str, groups: str, sshd: str) -> dict[str, list[str]]:
    return ways_in(one(login, password, key, groups, sshd), (), {})


def one(login: str, *fields: str) -> Observation:
    return Observation({"admin": {login: fields}})


CONSOLE = "on the console"
PASSWORD = "over SSH with a password"
KEY = "over SSH with a key"


@pytest.mark.parametrize(
    ("login", "password", "key", "groups", "sshd", "how"),
    [
        ("admin", "yes", "no", "admin,sudo", STOCK, [PASSWORD, CONSOLE]),
        ("admin", "yes", "yes", "admin,sudo", STOCK, [PASSWORD, KEY, CONSOLE]),
        ("admin", "no", "yes", "admin,sudo", STOCK, None),  # sudo would ask for a password
        ("admin", "yes", "yes", "admin", STOCK, None),
        ("root", "yes", "no", "root", STOCK, [CONSOLE]),
        ("root", "no", "yes", "root", STOCK, [KEY]),
        ("root", "no", "no", "root", STOCK, None),
        ("root", "yes", "yes", "root", HARDENED, [CONSOLE]),
        ("admin", "yes", "yes", "sudo", HARDENED, [CONSOLE]),  # not in AllowGroups
        ("admin", "yes", "yes", "sudo,rempart-ssh", HARDENED, [KEY, CONSOLE]),
        ("admin", "yes", "no", "sudo", f"{STOCK};denyusers adm*", [CONSOLE]),
        ("admin", "yes", "no", "sudo", f"{STOCK};allowusers admin", [PASSWORD, CONSOLE]),
        ("admin", "yes", "no", "sudo", f"{STOCK};allowusers root", [CONSOLE]),
        ("admin", "yes", "no", "sudo", "", [CONSOLE]),  # sshd said nothing
    ],
)  # fmt: skip
def test_administrator_who_stays(
    login: str, password: str, key: str, groups: str, sshd: str, how: list[str] | None
) -> None:
    assert ways(login, password, key, groups, sshd) == ({login: how} if how else {})


def test_account_that_goes_or_loses_sudo_is_no_way() -> None:
    seen = one("m", "yes", "no", "sudo", STOCK)
    assert ways_in(seen, {"m"}, {}) == {}
    assert ways_in(seen, (), {"m": {"users"}}) == {}


def test_account_that_gets_sudo_back_is_a_way() -> None:
    seen = one("m", "yes", "no", "users", STOCK)
    assert ways_in(seen, (), {"m": {"sudo"}}) == {"m": [PASSWORD, CONSOLE]}
