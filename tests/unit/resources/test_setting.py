"""What a plan shows of a setting is what the host's awk then writes."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lab.requirements import program
from rempart.engine.remote import shell
from rempart.resources import Observation, Setting
from rempart.resources.setting import with_line

LINES = st.sampled_from(
    [
        "A 1", "A\t1", " A 1", "A", "AB 2", "#A 1", "# A 1", "B 1", "", "A  0", "A 1 # why", "A=1",
        "A 0\r", "B\r", "é 1", "A\x0b1", "\x0c", "B\x0cA 1", "B\x85A 1", "B\u2028A 1",
    ]
)  # fmt: skip
TEXTS = st.tuples(st.lists(LINES, max_size=6), st.booleans()).map(
    lambda drawn: "\n".join(drawn[0]) + ("\n" if drawn[0] and drawn[1] else "")
)


def set_line(file: Path, text: str, setting: str, line: str) -> str:
    """Return what lib.sh's set_line makes of a file, run by a real sh."""
    file.write_bytes(text.encode())
    state = str(file.parent / "state")
    library = shell("lib").replace("/var/lib/rempart", state).replace("/run/rempart", state)
    script = f'{library}\nset_line "$1" "$2" "$3"\n'
    command = [program("sh"), "-s", "--", str(file), setting, line]
    subprocess.run(command, input=script, text=True, check=True, capture_output=True)
    return file.read_bytes().decode()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=TEXTS)
@example(text="")
@example(text="A 0\r\nB 1\r\n")
@example(text="A 0\nA 1\n")
@example(text="no line end")
def test_diff_shows_what_the_host_will_write(tmp_path: Path, text: str) -> None:
    shown = with_line(text, "A", "A 1")
    if shown != text:
        assert set_line(tmp_path / "file", text, "A", "A 1") == shown


@settings(max_examples=100)
@given(text=TEXTS)
def test_setting_a_line_twice_changes_nothing_more(text: str) -> None:
    once = with_line(text, "A", "A 1")
    assert with_line(once, "A", "A 1") == once


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("A 0\n", "A 1\n"),
        ("A   1\n", "A   1\n"),
        ("B 2\n", "B 2\nA 1\n"),
        ("A 0\nB 2\nA 5\n", "A 1\nB 2\n# rempart: A 5\n"),
        ("#A 0\n", "#A 0\nA 1\n"),
        ("AB 0\n", "AB 0\nA 1\n"),
    ],
)
def test_setting_has_one_active_line_afterwards(text: str, becomes: str) -> None:
    assert with_line(text, "A", "A 1") == becomes


@pytest.mark.parametrize("line", ["A 0", "", "A 'x' \\n $(id) `id`"])
def test_former_line_comes_back_as_it_was(tmp_path: Path, line: str) -> None:
    written = set_line(tmp_path / "file", "B 2\nA 1\n", "A", line)
    assert written == "B 2\n" + (f"{line}\n" if line else "")


def test_missing_file_is_a_change_that_will_fail_with_a_reason() -> None:
    setting = Setting(concern="x", path="/etc/none", setting="A", value="1")
    change = setting.diff(Observation({"text": {"/etc/none": ("absent",)}}))
    assert change is not None
    assert change.diff == ("- /etc/none is missing",)


def test_setting_that_is_as_wanted_needs_no_change() -> None:
    encoded = base64.b64encode(b"A\t1\n").decode()
    setting = Setting(concern="x", path="/etc/x", setting="A", value="1")
    assert setting.diff(Observation({"text": {"/etc/x": (encoded,)}})) is None
