"""A unified diff whose cost grows with the lines alone, because a host chooses one of the texts.

``difflib`` takes seconds to match some kilobytes of crafted lines, seven times as long for twice as
many, and meanwhile no other host is served.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import Match, SequenceMatcher

MOST_LINES = 1_000
"""Lines of a text that differs and is shown."""

TOO_LONG = "~ differs, too long to show"

Pair = tuple[int, int]
"""Where a line stands in the one text, and where in the other."""


def text_diff(path: str, old: str, new: str) -> list[str]:
    """Return a unified diff of two texts without its trailing newlines, as diff(1) -u has it.

    >>> text_diff("/etc/x", "A 1\\n", "A 2\\n")
    ['--- /etc/x', '+++ /etc/x', '@@ -1 +1 @@', '-A 1', '+A 2']
    """
    if max(old.count("\n"), new.count("\n")) > MOST_LINES:
        return [TOO_LONG]
    a, b = old.splitlines(), new.splitlines()
    lines = [line for group in _Matcher(a, b).get_grouped_opcodes() for line in _hunk(group, a, b)]
    return [f"--- {path}", f"+++ {path}", *lines] if lines else []


def _hunk(group: Sequence[tuple[str, int, int, int, int]], a: list[str], b: list[str]) -> list[str]:
    (_, i, _, j, _), (_, _, i_end, _, j_end) = group[0], group[-1]
    lines = [f"@@ -{_range(i, i_end)} +{_range(j, j_end)} @@"]
    for what, i, i_end, j, j_end in group:
        if what == "equal":
            lines += [f" {line}" for line in a[i:i_end]]
        else:
            lines += [f"-{line}" for line in a[i:i_end]]
            lines += [f"+{line}" for line in b[j:j_end]]
    return lines


def _range(start: int, end: int) -> str:
    """Return lines, counted from 1, as a hunk's head has them: ``3,2``, ``3``, or ``2,0``."""
    count = end - start
    return f"{start + 1}" if count == 1 else f"{start + (count > 0)},{count}"


class _Matcher(SequenceMatcher[str]):
    """Matches the lines that stand once in both texts, then what stands around and between them."""

    def __init__(self, a: list[str], b: list[str]) -> None:
        super().__init__(None, a, b, autojunk=False)
        self._texts = a, b

    def get_matching_blocks(self) -> list[Match]:
        """Return the blocks in order, the empty one at the end last."""
        a, b = self._texts
        blocks: list[Match] = []
        i, j, size = 0, 0, 0
        for pair in _matched(a, b):
            if pair != (i + size, j + size):
                blocks.append(Match(i, j, size))
                (i, j), size = pair, 0
            size += 1
        return [*(each for each in (*blocks, Match(i, j, size)) if each.size),
                Match(len(a), len(b), 0)]  # fmt: skip


def _matched(a: list[str], b: list[str]) -> Iterator[Pair]:
    i = j = 0
    for i_next, j_next in _in_order(_once(a, b)):
        yield from _between(a, b, (i, j), (i_next, j_next))
        yield i_next, j_next
        i, j = i_next + 1, j_next + 1
    yield from _between(a, b, (i, j), (len(a), len(b)))


def _once(a: list[str], b: list[str]) -> list[Pair]:
    """Return where the lines are that stand exactly once in each text."""
    in_a, in_b = Counter(a), Counter(b)
    place = {line: j for j, line in enumerate(b)}
    return [(i, place[line]) for i, line in enumerate(a) if in_a[line] == in_b[line] == 1]


def _in_order(pairs: list[Pair]) -> list[Pair]:
    """Return the longest run of pairs whose second numbers rise too."""
    ends: list[int] = []
    at: list[int] = []
    before: list[int] = []
    for index, (_, j) in enumerate(pairs):
        length = bisect_left(ends, j)
        ends[length : length + 1] = [j]
        before.append(at[length - 1] if length else -1)
        at[length : length + 1] = [index]
    found, index = [], at[-1] if at else -1
    while index >= 0:
        found.append(pairs[index])
        index = before[index]
    return found[::-1]


def _between(a: list[str], b: list[str], start: Pair, end: Pair) -> Iterator[Pair]:
    """Match line by line where both sides are as long, else from both ends."""
    (i, j), (i_end, j_end) = start, end
    if i_end - i == j_end - j:
        yield from ((i + k, j + k) for k in range(i_end - i) if a[i + k] == b[j + k])
        return
    while i < i_end and j < j_end and a[i] == b[j]:
        yield i, j
        i, j = i + 1, j + 1
    last = []
    while i < i_end and j < j_end and a[i_end - 1] == b[j_end - 1]:
        i_end, j_end = i_end - 1, j_end - 1
        last.append((i_end, j_end))
    yield from reversed(last)
