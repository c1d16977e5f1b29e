"""What a hostile host prints is shown, and does nothing to the terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rempart.engine.printable import printable, printable_lines


@pytest.mark.parametrize(
    "attack",
    [
        b"\x1b[31m",  # ESC: colours, titles, key bindings
        b"\xc2\x9b31m",  # CSI as one C1 character
        b"ok\rfailed",  # CR: overwrites what stands there
        "a\u202eb".encode(),  # right-to-left override
        "a\u2066b".encode(),  # isolate
        "a\u200bb".encode(),  # invisible
        "a\u2028b".encode(),  # line separator
        b"a\x00b",
        b"a\x08b",
        b"a\nb",
    ],
)
def test_terminal_commands_become_visible_rubbish(attack: bytes) -> None:
    shown = printable(attack)
    assert "\N{REPLACEMENT CHARACTER}" in shown
    assert not any(unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp"} for c in shown)


def test_french_text_and_tabs_stay_as_they_are() -> None:
    text = "Attention\u202f: l'hôte «\u00a0accueil\u00a0» est éteint\tœuf"
    assert printable(text) == text
    assert printable(text.encode()) == text


def test_bytes_that_are_no_utf8_do_not_raise() -> None:
    assert printable(b"caf\xe9") == "caf\N{REPLACEMENT CHARACTER}"


def test_lines_end_at_newlines_only() -> None:
    assert printable_lines(b"a\x0bb\nc\r\n\nd") == ["a\N{REPLACEMENT CHARACTER}b", "c", "", "d"]
    assert printable_lines("a\u2028b\nc".encode()) == ["a\N{REPLACEMENT CHARACTER}b", "c"]
    assert printable_lines(b"") == []
    assert printable_lines(b"\n") == [""]
    assert printable_lines(b"last line without end") == ["last line without end"]


@given(st.binary())
def test_no_output_can_hold_a_control_character(output: bytes) -> None:
    for line in printable_lines(output):
        assert all(c == "\t" or c.isprintable() or c.isspace() for c in line)
        assert "\x1b" not in line
