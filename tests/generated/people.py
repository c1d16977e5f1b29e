"""The modelled host's accounts: passwd, shadow and group, and what is done to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace


class RefusedError(Exception):
    """The host could not do what it was told."""


def need(condition: object, what: str) -> None:
    if not condition:
        raise RefusedError(what)


@dataclass(frozen=True)
class Account:
    comment: str
    shell: str = "/bin/bash"
    expires: str = ""
    uid: int = 1000
    days: tuple[str, str] = ("99999", "7")
    """Until the password must be renewed, and of warning before."""
    residue: str = ""
    sealed: bool = False


@dataclass(repr=False, kw_only=True)
class People:
    """Who has an account."""

    groups: set[str] = field(default_factory=set)
    users: dict[str, Account] = field(default_factory=dict)
    members: set[tuple[str, str]] = field(default_factory=set)

    def about_user(self, login: str) -> Iterable[str]:
        account = self.users.get(login)
        if account is None:
            yield f"user\t{login}\tabsent"
        else:
            yield f"user\t{login}\t{account.comment}\t{account.shell}\t{account.uid}"
            yield f"shadow\t{login}\t{account.expires}"
            yield f"home\t/home/{login}\t{'root' if account.sealed else login}\t700"
            yield f"residue\t{login}\t{account.residue}"
        groups = sorted(group for who, group in self.members if who == login)
        yield f"member\t{login}\t{','.join(groups)}"

    def login_defs(self) -> tuple[str, str]:
        """Return the days that login.defs(5) gives a new account."""
        raise NotImplementedError

    def about_roster(self) -> Iterable[str]:
        yield "roster\taccounts\tasked"
        yield from (f"account\t{login}\t{a.expires}" for login, a in self.users.items())

    def about_ageing(self, login: str) -> str:
        account = self.users.get(login)
        days = "\t".join(account.days) if account else "absent"
        return f"ageing\t{login}\t{days}"

    def has_group(self, name: str) -> bool:
        return name in self.groups or name in self.users  # who has a group of their own

    def do_groupadd(self, system: str, name: str) -> None:
        need(system == "--system" and not self.has_group(name), f"group {name} is there")
        self.groups.add(name)

    def do_remove_group(self, name: str) -> None:
        self.groups.discard(name)
        self.members = {member for member in self.members if member[1] != name}

    def do_useradd(self, home: str, *words: str) -> None:
        *pairs, login = words
        options = dict(zip(pairs[::2], pairs[1::2], strict=True))
        need(home == "--create-home" and options.pop("--password") == "*", "no password")
        need(login not in self.users and not self.has_group(login), f"{login} is there")
        self.users[login] = Account("", days=self.login_defs())
        for group in filter(None, options.pop("--groups", "").split(",")):
            self.do_gpasswd("--add", login, group)
        self._set_account(login, options)

    def do_usermod(self, *words: str) -> None:
        *pairs, login = words
        self._set_account(login, dict(zip(pairs[::2], pairs[1::2], strict=True)))

    def _set_account(self, login: str, options: dict[str, str]) -> None:
        need(login in self.users, f"no account {login}")
        need(not set(":\n") & set(options.get("--comment", "")), "invalid comment")
        names = {"--comment": "comment", "--shell": "shell", "--expiredate": "expires"}
        found = {names[option]: value for option, value in options.items()}
        self.users[login] = replace(self.users[login], **found)

    def do_gpasswd(self, verb: str, login: str, group: str) -> None:
        need(login in self.users and self.has_group(group), f"no {login} or no {group}")
        member = {(login, group)}
        self.members = self.members | member if verb == "--add" else self.members - member

    def do_retire_user(self, login: str, *made: str) -> None:
        if login in self.users:
            self._set_account(login, {"--expiredate": "1"})

    def do_delete_user(self, login: str) -> None:
        if login in self.users:
            need(self.users[login].uid >= 1000, f"{login} is a system account")
            del self.users[login]
            self.members = {member for member in self.members if member[0] != login}

    def do_restore_membership(self, login: str, group: str, wanted: str) -> None:
        self.do_gpasswd("--add" if wanted == "yes" else "--delete", login, group)

    def do_close_account(self, login: str, expires: str) -> None:
        need(login in self.users, f"no account {login}")
        self.users[login] = replace(self.users[login], expires=expires, residue="", sealed=True)
        self.members = {member for member in self.members if member[0] != login}

    def do_unseal_home(self, login: str) -> None:
        self.users[login] = replace(self.users[login], sealed=False)

    def do_lock_accounts(self, expires: str, *logins: str) -> None:
        for login in logins:
            self._set_account(login, {"--expiredate": expires})

    def do_unlock_account(self, expires: str, login: str, day: str) -> None:
        if login in self.users and self.users[login].expires == expires:
            self._set_account(login, {"--expiredate": day})

    def do_set_ageing(self, login: str, longest: str, warning: str) -> None:
        need(login in self.users, f"no account {login}")
        self.users[login] = replace(self.users[login], days=(longest, warning))

    def do_restore_ageing(self, login: str, longest: str, warning: str) -> None:
        if login in self.users:
            self.do_set_ageing(login, longest, warning)
