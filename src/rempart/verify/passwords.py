"""Passwords for attempts on a throwaway account: good ones, and ones with one weakness each."""

from __future__ import annotations

import secrets

APART = "bdfhjlnprtvxz"
"""Consonants of which no two are neighbours in the alphabet. cracklib 2.9 refuses a password with
more steps to a neighbour than 3 + 9 % of its length as "too simplistic/systematic": drawn from all
consonants, that was one in a thousand."""


def good() -> str:
    """Return a password that every policy of ours accepts: 23 characters of all four kinds."""
    return f"{_letters()}-Q7{_letters()}"


def weak() -> list[str]:
    """Return passwords with one weakness each: a kind of character that is missing, or length."""
    body = _letters()
    return [f"{body}q-73", f"{body.upper()}Q-73", f"{body}Q-zt", f"{body}Qz73", f"{body[:5]}Q-7"]


def _letters() -> str:
    return "".join(secrets.choice(APART) for _ in range(10))
