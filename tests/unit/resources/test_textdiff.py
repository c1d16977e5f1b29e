"""A diff is whole and true, whatever the texts; what is too long is said to differ."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from rempart.resources import Change
from rempart.resources.base import MOST_SHOWN_CHARACTERS, MOST_SHOWN_LINES
from rempart.resources.textdiff import MOST_LINES, TOO_LONG, text_diff

TEXTS = st.lists(st.sampled_from(["a", "b", "c", "d", "", "# x"]), max_size=30).map("\n".join)


def patched(old: list[str], diff: list[str]) -> list[str]:
    """Return what patch(1) makes of the old lines; the diff's own old lines must be theirs."""
    new, at = [], 0
    for line in diff[2:]:
        hunk = re.match(r"@@ -(\d+)(?:,(\d+))? \+", line)
        if hunk:
            start = int(hunk[1]) - (hunk[2] != "0")
            new += old[at:start]
            at = start
            continue
        if line[0] in " -":
            assert old[at] == line[1:]
            at += 1
        if line[0] in " +":
            new.append(line[1:])
    return new + old[at:]


@given(TEXTS, TEXTS)
def test_diff_makes_the_new_text_of_the_old_one(old: str, new: str) -> None:
    lines = text_diff("/etc/x", old, new)
    assert patched(old.splitlines(), lines) == new.splitlines()
    assert bool(lines) == (old.splitlines() != new.splitlines())


def test_lines_that_stand_once_in_both_are_context() -> None:
    old = "one\n\ntwo\n\nthree\n\nfour\n"
    assert text_diff("/x", old, old.replace("three\n", "")) == [
        "--- /x", "+++ /x", "@@ -2,6 +2,5 @@", " ", " two", " ", "-three", " ", " four",
    ]  # fmt: skip


def test_text_that_is_too_long_differs() -> None:
    assert text_diff("/x", "a\n" * (MOST_LINES + 1), "a\n") == [TOO_LONG]


def test_change_shows_no_more_than_somebody_reads() -> None:
    lines = ("x" * 2 * MOST_SHOWN_CHARACTERS, *("y" * (2 * MOST_SHOWN_LINES)))
    shown = Change("file:/x", "x", (), "update", "x", lines, False).diff
    assert len(shown) == MOST_SHOWN_LINES + 1
    assert len(shown[0]) == MOST_SHOWN_CHARACTERS + 1
    assert shown[-1] == f"~ and {MOST_SHOWN_LINES + 1} lines more, too long to show"
