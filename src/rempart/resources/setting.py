"""Setting: one key in a shared file that knows no drop-ins, such as /etc/login.defs."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from rempart.resources.base import Change, Observation, Resource, TooLongError, call, quoted, table
from rempart.resources.textdiff import text_diff

LARGEST = 64 * 1024
"""Bytes of a shared file, as ``probe_texts`` has it; Debian's longest has a fifth of that."""

ASIDE = "# rempart: "
"""What makes a comment of a further line of the key, as ``set_line`` in ``lib.sh`` has it."""


@dataclass(frozen=True, kw_only=True)
class Setting(Resource):
    """``KEY VALUE`` in a line of its own; the rest of the file stays as it is."""

    kind = "setting"
    rank = 5

    path: str
    setting: str
    value: str

    @property
    def key(self) -> str:
        """Return ``PATH#KEY``."""
        return f"{self.path}#{self.setting}"

    @property
    def label(self) -> str:
        """Return ``Set KEY in PATH``."""
        return f"Set {self.setting} in {self.path}"

    @property
    def line(self) -> str:
        """Return the wanted line."""
        return f"{self.setting} {self.value}"

    @classmethod
    def probe(cls, resources: Sequence[Self]) -> str:
        """Ask for each shared file's bytes once."""
        paths = sorted({r.path for r in resources})
        return table("text", paths) + f"probe_texts {quoted(paths)}\n"

    def diff(self, seen: Observation) -> Change | None:
        """Compare the active lines of the key."""
        old = text_seen(self.path, seen)
        if old is None:
            return self.change("update", [f"- {self.path} is missing"], call("missing", self.path))
        new = with_line(old, self.setting, self.line)
        if new == old:
            return None
        script = call("set_line", self.path, self.setting, self.line)
        return self.change("update", text_diff(self.path, old, new), script)

    def original(self, seen: Observation) -> tuple[str, ...]:
        """Keep the first active line, or ``absent``."""
        text = text_seen(self.path, seen)
        if text is None:
            return ("absent",)
        lines = lines_of(text)
        active = active_lines(lines, self.setting)
        return (lines[active[0]],) if active else ("absent",)

    @classmethod
    def touches(cls, key: str) -> tuple[str, ...]:
        """Return what the guard must be able to put back."""
        return (f"path:{key.partition('#')[0]}",)

    @classmethod
    def undo(cls, key: str, original: tuple[str, ...], seen: Observation) -> tuple[list[str], str]:
        """Put the former line back, or take ours away; lines that were set aside count again."""
        path, _, setting = key.partition("#")
        line = "" if original == ("absent",) else original[0]
        script = call("set_line", path, setting, line, "undo")
        return [f"- {setting}", f"+ {line or '(not set)'}"], script


def text_seen(path: str, seen: Observation) -> str | None:
    """Return a shared file's text as a host sent it, None where the file is not there.

    Raises:
        TooLongError: it is longer than any that was meant.
        ValueError: no base64.
    """
    (encoded, *_) = seen.get("text", path)
    if encoded == "absent":
        return None
    if encoded == "-" or len(encoded) > 2 * LARGEST:
        raise TooLongError(f"{path} is longer than {LARGEST // 1024} KiB; shorten it there")
    return base64.b64decode(encoded, validate=True).decode("utf-8", "replace")


def lines_of(text: str) -> list[str]:
    """Return a text's lines as the host's awk has them; ``splitlines`` also breaks at CR and FF."""
    lines = text.split("\n")
    return lines if lines[-1] else lines[:-1]


def active_lines(lines: Sequence[str], setting: str) -> list[int]:
    """Return the indexes of lines that set a key: not commented out, key then blank or end."""
    pattern = re.compile(rf"[ \t]*{re.escape(setting)}([ \t]|$)")
    return [index for index, line in enumerate(lines) if pattern.match(line)]


def with_line(text: str, setting: str, line: str) -> str:
    """Return the text with ``line`` as the only active line of the key; others are set aside.

    >>> with_line("A 1\\nB 2\\nA 3\\n", "A", "A 9")
    'A 9\\nB 2\\n# rempart: A 3\\n'
    """
    lines = lines_of(text)
    active = active_lines(lines, setting)
    if len(active) == 1 and lines[active[0]].split() == line.split():
        return text
    if active:
        lines[active[0]] = line
    else:
        lines.append(line)
    for index in active[1:]:
        lines[index] = ASIDE + lines[index]
    return "\n".join(lines) + "\n"
