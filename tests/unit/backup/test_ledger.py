"""What a ledger notes of a folder, and what is an alarm."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from rempart.backup.server import ledger

NAME = "accueil-1/cabinet"
PACK = f"data/55/{'5' * 64}"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one pack; what it has is old at once unless a test says otherwise."""
    monkeypatch.setattr(ledger, "STATE", tmp_path)
    monkeypatch.setattr(ledger, "YOUNG_S", 0)
    folder = tmp_path / "repository"
    (folder / "data/55").mkdir(parents=True)
    (folder / "config").write_text("c")
    (folder / PACK).write_text("half")
    return folder


def alarms() -> list[tuple[Any, Any]]:
    entries = ledger.entries_of(ledger.state_file(NAME, "alarms"))
    return [(each["alarm"], each["path"]) for each in entries]


def test_what_arrives_is_no_alarm_and_is_noted_once(folder: Path) -> None:
    ledger.note(NAME, folder)
    ledger.note(NAME, folder)
    assert alarms() == []
    assert len(ledger.entries_of(ledger.state_file(NAME, "ledger"))) == 2


@pytest.mark.parametrize("what", ["changed", "gone"])
def test_what_is_not_as_it_arrived_is_an_alarm(folder: Path, what: str) -> None:
    ledger.note(NAME, folder)
    if what == "gone":
        (folder / PACK).unlink()
    else:
        (folder / PACK).write_text("another")
    ledger.note(NAME, folder)
    assert alarms() == [(what, PACK)]
    ledger.note(NAME, folder)
    assert len(alarms()) == 1


def test_what_comes_back_that_was_gone_is_an_alarm(folder: Path) -> None:
    ledger.note(NAME, folder)
    (folder / PACK).rename(folder / "aside")
    ledger.note(NAME, folder)
    (folder / "aside").rename(folder / PACK)
    ledger.note(NAME, folder)
    assert alarms() == [("gone", PACK), ("is back that was gone", PACK)]
    ledger.note(NAME, folder)
    assert len(alarms()) == 2


@pytest.mark.parametrize("what", ["changed", "gone"])
def test_upload_on_its_way_is_no_alarm(
    folder: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "YOUNG_S", 900)
    ledger.note(NAME, folder)
    assert PACK in ledger.young(NAME)
    if what == "gone":
        (folder / PACK).unlink()
    else:
        (folder / PACK).write_text("whole by now")
    ledger.note(NAME, folder)
    assert alarms() == []
    assert (PACK in ledger.known(ledger.state_file(NAME, "ledger"))) == (what == "changed")


def test_what_has_settled_may_not_change_any_more(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "YOUNG_S", 900)
    ledger.note(NAME, folder)
    monkeypatch.setattr(ledger, "YOUNG_S", 0)
    ledger.note(NAME, folder)
    assert ledger.young(NAME) == []
    (folder / PACK).write_text("another")
    ledger.note(NAME, folder)
    assert alarms() == [("changed", PACK)]


def test_disk_that_is_not_there_is_no_alarm(folder: Path) -> None:
    ledger.note(NAME, folder)
    folder.rename(folder.with_name("elsewhere"))
    ledger.note(NAME, folder)
    folder.with_name("elsewhere").rename(folder)
    ledger.note(NAME, folder)
    assert alarms() == []


@pytest.mark.parametrize(
    "path", ["snapshots/--password-command=id", f"data/{'5' * 64}", "index/x", "keys/x"]
)
def test_name_that_restic_never_gives_is_an_alarm(folder: Path, path: str) -> None:
    (folder / path).parent.mkdir(exist_ok=True)
    (folder / path).write_text("x")
    ledger.note(NAME, folder)
    assert alarms() == [("is nothing of restic's", path)]


def test_halved_line_is_left_alone(folder: Path) -> None:
    ledger.note(NAME, folder)
    file = ledger.state_file(NAME, "ledger")
    os.truncate(file, file.stat().st_size - 9)
    ledger.note(NAME, folder)
    assert alarms() == []
    assert set(ledger.known(file)) == {"config", PACK}
