"""Accounts that belong to nobody of the policy: which may stay, and what becomes of the others."""

from __future__ import annotations

from typing import Literal

from rempart.policy.base import Model, described
from rempart.policy.value import Label, Login, Text


class KeptAccount(Model):
    """An account (uid 1000 and above) that is no person's of the policy and stays."""

    login: Login = described("The account's name.", "admin")
    hosts: tuple[Label, ...] = described(
        "Names of the hosts on which it stays; all without it.", ["accueil-1"], default=()
    )
    reason: Text = described("Why.", "Compte de secours, mot de passe au coffre")


class Accounts(Model):
    """What is done about accounts of people (uid 1000 and above) that the policy does not name."""

    unknown: Literal["report", "lock"] = described(
        "`report` says so in verify, `lock` expires them and ends their sessions.",
        "report",
        default="report",
    )
    kept: tuple[KeptAccount, ...] = described(
        "Accounts that stay although they are nobody's of the policy.",
        [{"login": "admin", "reason": "Compte de secours"}],
        default=(),
    )
