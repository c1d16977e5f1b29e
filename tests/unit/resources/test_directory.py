"""What stands where a folder should be."""

from __future__ import annotations

from rempart.resources import Directory, Observation

FOLDER = Directory(concern="x", path="/etc/d", only=("f",))


def test_file_in_the_way_of_a_folder_goes_first() -> None:
    seen = Observation({"directory": {"/etc/d": ("81a4", "root", "root")}})
    change = FOLDER.diff(seen)
    assert change is not None
    assert change.diff == ("- not a directory", "+ a directory")
    assert change.script == "remove_file /etc/d\nmake_directory /etc/d 0755 root root\n"
    assert set(change.touches) == {"directory:/etc/d", "path:/etc/d"}


def test_entry_that_nobody_named_goes_from_an_exclusive_folder() -> None:
    facts = {
        "directory": {"/etc/d": ("41ed", "root", "root")},
        "entry": {"/etc/d/f": ("f",), "/etc/d/x": ("f",), "/etc/e/x": ("f",)},
    }
    change = FOLDER.diff(Observation(facts))
    assert change is not None
    assert change.diff == ("- /etc/d/x (not named by the policy)",)
    assert "remove_file /etc/d/x\n" in change.script


def test_folder_that_was_something_else_is_left_as_it_is() -> None:
    lines, script = Directory.undo("/etc/d", ("81a4", "root", "root"), Observation({}))
    assert (lines, script) == (["- no longer looked after"], "")
