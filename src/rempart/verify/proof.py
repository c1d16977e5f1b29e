"""What one check wanted and what it saw: the evidence that stands in tables, JSON and JUnit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from rempart.engine.printable import printable

SHOWN_CHARACTERS = 300
"""Of a host's output in one finding; what is longer is cut with an ellipsis."""

Outcome = Literal["pass", "fail", "error", "info", "n/a"]
"""``error``: not answered, so red as well; ``info``: worth knowing, never red; ``n/a``: there is
nothing on this host that the check could be about, and ``actual`` says why.
"""


@dataclass(frozen=True)
class Record:
    """One check's result for one control."""

    control: str
    check: str
    result: Outcome
    expected: str
    actual: str
    how: str

    @property
    def is_red(self) -> bool:
        """Return whether the control does not hold, as far as this check goes."""
        return self.result in ("fail", "error")


class UnmetError(AssertionError):
    """The host answered, and not as the policy wants."""


class Proof:
    """Collects expected and actual while a check runs; the first difference ends the check."""

    def __init__(self) -> None:
        self.expected = ""
        self.actual = ""
        self.how = ""
        self.outcome: Outcome = "pass"
        """What the check comes to when it ends well."""

    def that(self, holds: bool, expected: object, actual: object, how: str) -> None:
        """Note what was wanted and seen; raise UnmetError when it does not hold."""
        self.expected, self.actual = one_line(expected), one_line(actual)
        self.how = one_line(how)
        if not holds:
            raise UnmetError(f"expected {self.expected}, got {self.actual}")

    def none(self, found: Iterable[object], wanted: str, how: str) -> None:
        """Expect that nothing was found; ``wanted`` says it in words, "no other account"."""
        listed = ", ".join(map(str, found))
        self.that(not listed, wanted, listed or "none", how)

    def settings(
        self, wanted: Mapping[str, str], actual: Mapping[str, str | None], how: str
    ) -> None:
        """Expect ``wanted`` to stand in ``actual``; only what differs is shown."""
        wrong = {key: value for key, value in wanted.items() if actual.get(key) != value}
        shown = wrong or wanted
        expected = ", ".join(f"{key} {value}" for key, value in shown.items())
        got = ", ".join(f"{key} {actual.get(key) or 'absent'}" for key in shown)
        self.that(not wrong, expected, got, how)

    def info(self, text: str, how: str) -> None:
        """Note something that an operator should know and that is not red."""
        self.outcome = "info"
        self.that(True, "for information", text, how)

    def does_not_apply(self, why: str, how: str) -> None:
        """Note why this host needs no proof here, so that nobody takes it for one."""
        self.outcome = "n/a"
        self.that(True, "nothing on this host", why, how)


def one_line(value: object) -> str:
    """Return a value, which may be a hostile host's output, as one short line safe to show."""
    text = printable(str(value).strip()[: 2 * SHOWN_CHARACTERS].replace("\n", " "))
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
