"""A managed host's output made safe to show: it may be written by an attacker."""

from __future__ import annotations

import unicodedata


def printable(output: bytes | str) -> str:
    """Return hostile ``output`` as ONE line that is safe on a terminal.

    Control characters (ESC, C1, CR, newline), bidirectional overrides and invisible format
    characters become U+FFFD; tabs and all kinds of spaces stay.
    """
    text = output.decode("utf-8", "replace") if isinstance(output, bytes) else output
    # Each character is looked at once, however often it stands there: others wait meanwhile.
    harmful = {ord(c): "\N{REPLACEMENT CHARACTER}" for c in set(text) if not _is_harmless(c)}
    return text.translate(harmful) if harmful else text


def printable_lines(output: bytes) -> list[str]:
    """Split hostile ``output`` at newlines, and only there, into ``printable`` lines."""
    lines = output.removesuffix(b"\n").split(b"\n") if output else []
    return [printable(line.removesuffix(b"\r")) for line in lines]


def _is_harmless(character: str) -> bool:
    # isprintable() alone would drop U+00A0 and U+202F, which French typography needs.
    return character == "\t" or character.isprintable() or unicodedata.category(character) == "Zs"
