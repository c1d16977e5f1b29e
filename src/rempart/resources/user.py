"""User: a person's account. Their SSH keys are a File below ``/etc/ssh/authorized_keys.d``.

Password hashes never leave the host: the probe does not look at them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Self

from rempart.resources.base import Change, Observation, Resource, call, quoted, table
from rempart.resources.group import ACCOUNT_FILES

EPOCH = date(1970, 1, 1)
"""Day 0 of the expiry field, shadow(5)."""

PASSWD_AWK = r"""awk -F: '{ print "user\t" $1 "\t" $5 "\t" $7 "\t" $3 }'"""
SHADOW_AWK = r"""awk -F: '{ print "shadow\t" $1 "\t" $8 }'"""
MEMBER_AWK = r"""awk -F: -v wanted="$logins" 'BEGIN { n = split(wanted, w, " ") }
  { m = split($4, names, ","); for (i = 1; i <= m; i++) of[names[i]] = of[names[i]] "," $1 }
  END { for (i = 1; i <= n; i++) print "member\t" w[i] "\t" substr(of[w[i]], 2) }'"""


@dataclass(frozen=True, kw_only=True)
class User(Resource):
    """An account by login.

    ``groups`` are the supplementary groups it must be in; of the ``managed`` groups it must be in
    no other. A ``system`` account is rempart's own, made by enrolment. ``until`` is the last day it
    may be used; the account expires at the end of that day, which blocks every way in, shadow(5).
    Somebody who has ``left`` keeps nothing but the expired account and the home folder, which is
    root's from then on; an account that never was is not made for it.
    """

    kind = "user"
    rank = 20

    login: str
    comment: str
    groups: tuple[str, ...] = ()
    managed: tuple[str, ...] = ()
    shell: str = "/bin/bash"
    system: bool = False
    until: date | None = None
    left: bool = False

    @property
    def key(self) -> str:
        """Return the login."""
        return self.login

    @property
    def label(self) -> str:
        """Return ``Set up account LOGIN``, or ``Close …``."""
        return f"{'Close' if self.left else 'Set up'} account {self.login}"

    @property
    def expires(self) -> str:
        """Return the first day on which the account is dead, as days since 1970 or ''."""
        return str((self.until - EPOCH).days + 1) if self.until else ""

    @classmethod
    def probe(cls, resources: Sequence[Self]) -> str:
        """Ask getent three times for all accounts together, and what leavers have left behind."""
        logins = [r.login for r in resources]
        leavers = [r.login for r in resources if r.left]
        return (
            table("user", logins)
            + f"logins={quoted([' '.join(logins)])}\n"
            + f"getent passwd $logins | {PASSWD_AWK}\n"
            + f"getent shadow $logins | {SHADOW_AWK}\n"
            + f"getent group | {MEMBER_AWK}\n"
            + call("probe_homes", *logins)
            + call("probe_residues", *leavers)
        )

    def diff(self, seen: Observation) -> Change | None:
        """Compare name, shell, expiry and groups; a password is never looked at."""
        found = seen.get("user", self.login)
        if self.left:
            return None if found == ("absent",) else self._close(seen)
        if found == ("absent",):
            lines = [f"+ account {self.login} ({self.comment}), {self.shell}, no password"]
            lines += [f"+ in group {group}" for group in self.groups]
            lines += [f"+ until {self.until}"] if self.until else []
            script = self._create()
            if self._home_is_sealed(seen):  # of an account that was undone
                lines.append(f"+ {self.home} is theirs again")
                script += call("unseal_home", self.login)
            return self.change("create", lines, script, [f"made:{self.home}"])
        comment, shell = (*found, "")[:2]
        lines, options = [], []
        for what, old, new, option in (
            ("name", comment.split(",")[0], self.comment, "--comment"),
            ("shell", shell, self.shell, "--shell"),
            ("expires", (*seen.get("shadow", self.login), "")[0], self.expires, "--expiredate"),
        ):
            if old != new:
                lines += [f"- {what} {old or 'never'}", f"+ {what} {new or 'never'}"]
                options += [option, new]
        script = call("usermod", *options, self.login) if options else ""
        if self._home_is_sealed(seen):
            lines.append(f"+ {self.home} is theirs again")
            script += call("unseal_home", self.login)
        member_of = self._member_of(seen)
        for group in sorted(set(self.groups) - member_of):
            lines.append(f"+ in group {group}")
            script += call("gpasswd", "--add", self.login, group)
        for group in sorted((member_of & set(self.managed)) - set(self.groups)):
            lines.append(f"- in group {group}")
            script += call("gpasswd", "--delete", self.login, group)
        return self.change("update", lines, script) if lines else None

    @property
    def home(self) -> str:
        """Return the home folder; what passwd(5) says on a host is not to be followed."""
        return f"/home/{self.login}"

    def _home_is_sealed(self, seen: Observation) -> bool:
        return seen.get("home", self.home) == ("root", "700")

    def _member_of(self, seen: Observation) -> set[str]:
        return set(filter(None, (*seen.get("member", self.login), "")[0].split(",")))

    def _close(self, seen: Observation) -> Change | None:
        """Compare what a leaver still has with nothing at all."""
        if not seen.has("residue", self.login):
            raise ValueError(f"no answer about what {self.login} left behind")
        expires = (*seen.get("shadow", self.login), "")[0]
        lines = []
        if expires != self.expires:
            lines += [f"- expires {expires or 'never'}", f"+ expires {self.expires}"]
        lines += [f"- in group {group}" for group in sorted(self._member_of(seen))]
        residue = (*seen.get("residue", self.login), "")[0]
        lines += [f"- {what}" for what in residue.split(",") if what]
        if seen.has("home", self.home) and not self._home_is_sealed(seen):
            lines.append(f"- {self.home} is theirs; it becomes root's and stays")
        script = call("close_account", self.login, self.expires)
        also = (
            f"path:/var/spool/cron/crontabs/{self.login}",
            "path:/var/spool/cron/atjobs",
            f"path:/var/lib/systemd/linger/{self.login}",
            f"directory:{self.home}",
        )
        return self.change("update", lines, script, also) if lines else None

    def _create(self) -> str:
        options = ["--create-home", "--comment", self.comment, "--shell", self.shell]
        options += ["--groups", ",".join(self.groups)] if self.groups else []
        options += ["--expiredate", self.expires] if self.expires else []
        # '*' is no password and, unlike '!', no lock: key logins work under PAM on all releases.
        return call("useradd", *options, "--password", "*", self.login)

    def original(self, seen: Observation) -> tuple[str, ...]:
        """Keep comment, shell, expiry and which of the managed groups it was in; no password."""
        found = seen.get("user", self.login)
        if found == ("absent",):
            return found
        comment, shell = (*found, "", "")[:2]
        member_of = (*seen.get("member", self.login), "")[0].split(",")
        inside = [group for group in self.managed if group in member_of]
        expires = (*seen.get("shadow", self.login), "")[0]
        return ("present", comment, shell, expires, ",".join(inside), ",".join(self.managed))

    @classmethod
    def touches(cls, key: str) -> tuple[str, ...]:
        """Return what the guard must be able to put back."""
        return ACCOUNT_FILES

    @classmethod
    def undo(cls, key: str, original: tuple[str, ...], seen: Observation) -> tuple[list[str], str]:
        """Expire the account and end its sessions; files and home stay for the archive."""
        made = ["made"] if original == ("absent",) else []
        lines = [f"- account {key}: expired, sessions ended, home kept"]
        return lines, call("retire_user", key, *made)

    @classmethod
    def release(
        cls, key: str, original: tuple[str, ...], seen: Observation
    ) -> tuple[list[str], str]:
        """Remove an account that rempart made; an older one gets back what it had."""
        if original == ("absent",):
            lines = [f"- account {key}; a home with anything of its own in it stays"]
            return lines, call("delete_user", key)
        if len(original) != 6:
            return ["- no longer looked after"], ""
        _, comment, shell, expires, inside, managed = original
        lines = [f"+ {comment or key}, {shell}, until {expires or 'ever'}, as before"]
        options = ["--comment", comment, "--shell", shell, "--expiredate", expires]
        script = call("usermod", *options, key)
        was_in = set(inside.split(","))
        for group in filter(None, managed.split(",")):
            stays = group in was_in
            lines += [f"+ in group {group}"] if stays else []
            script += call("restore_membership", key, group, "yes" if stays else "no")
        return lines, script
