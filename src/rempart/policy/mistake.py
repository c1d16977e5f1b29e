"""One mistake of a person in a policy file, and the error that carries all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic_core import PydanticCustomError

from rempart.errors import RempartError

SHOWN_LENGTH = 60
"""Characters of a wrong value that a message shows."""


@dataclass(frozen=True, order=True)
class Mistake:
    """What is wrong at one place of one file, and what to do about it.

    ``path`` is dotted (``people[2].until``), empty when the whole file is meant. ``value`` is the
    wrong value as text, ``None`` when there is none or when it may be a secret.
    """

    file: str
    line: int
    path: str
    message: str
    value: str | None
    hint: str

    def __str__(self) -> str:
        """Return ``inventories/x.yaml:12: people[2].until: must be a date (got 'soon'); …``."""
        where = f"{self.file}:{self.line}: " + (f"{self.path}: " if self.path else "")
        got = "" if self.value is None else f" (got {self.value})"
        return f"{where}{self.message}{got}; {self.hint}"


class PolicyError(RempartError):
    """All mistakes of a policy, one per line, in the order in which they were given."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))

    def __reduce__(self) -> tuple[type[PolicyError], tuple[tuple[Mistake, ...]]]:
        """Pickle as the mistakes, so that a worker process can hand the error over."""
        return type(self), (self.mistakes,)


def wrong(message: str, hint: str, *, show: bool = True) -> PydanticCustomError:
    """Return the error that a validator raises; ``show=False`` keeps the value out of messages."""
    return PydanticCustomError(
        "wrong", "{message}", {"message": message, "hint": hint, "show": show}
    )


def shown(value: object) -> str:
    """Return a value as one short printable line (``repr`` escapes what a terminal would obey)."""
    if isinstance(value, int) and value.bit_length() > 200:
        return "a huge number"  # Python refuses to write some of them
    if "PRIVATE KEY" in str(value):
        return "a private key"
    text = repr(value) if isinstance(value, str) else str(value)
    text = text if text.isprintable() else ascii(text)
    return text if len(text) <= SHOWN_LENGTH else text[:SHOWN_LENGTH] + "…"
