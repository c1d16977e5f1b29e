"""The passwords that verify tries: luck never makes a good one bad, or a weak one good."""

from __future__ import annotations

from itertools import pairwise

from rempart.verify.passwords import APART, good, weak

KINDS = (str.islower, str.isupper, str.isdigit, lambda each: not each.isalnum())


def kinds(password: str) -> int:
    return sum(any(map(kind, password)) for kind in KINDS)


def test_no_step_leads_to_a_neighbour_in_the_alphabet() -> None:
    """cracklib counts such steps and refuses a password with more than a few."""
    assert min(ord(after) - ord(before) for before, after in pairwise(APART)) > 1


def test_good_passwords_are_long_and_of_all_kinds_and_differ() -> None:
    first, second = good(), good()
    assert first != second
    assert len(first) == 23
    assert kinds(first) == len(KINDS)


def test_weak_passwords_have_one_weakness_each() -> None:
    assert [(kinds(each), len(each) < 12) for each in weak()] == [(3, False)] * 4 + [(4, True)]
