"""The program that hands files to the scanner; the scanner changes them at the worst time."""

from __future__ import annotations

import json
import os
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rempart.hardening import scan

VIRUS = b"a virus"


class Scanner:
    """Listens as clamd does; `meanwhile` is done before it says what it found."""

    def __init__(self, path: Path) -> None:
        self.meanwhile: Callable[[], object] = lambda: None
        self.answer = b""
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as asked:
                command = b""
                while not command.endswith(b"\0"):
                    command += asked.read(1)
                connection.sendall(b"PONG\0" if command == b"zPING\0" else self._judge(asked))

    def _judge(self, asked: object) -> bytes:
        read = asked.read  # type: ignore[attr-defined]
        content = b""
        while size := int.from_bytes(read(4), "big"):
            content += read(size)
        self.meanwhile()
        if self.answer:
            return self.answer
        return b"stream: Virus FOUND\0" if content == VIRUS else b"stream: OK\0"


@pytest.fixture
def scanner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scanner]:
    (tmp_path / "state" / "quarantine").mkdir(parents=True)
    (tmp_path / "home").mkdir()
    monkeypatch.setattr(scan, "SCANNER", str(tmp_path / "clamd"))
    monkeypatch.setattr(scan, "STATE", str(tmp_path / "state"))
    monkeypatch.setattr(scan, "QUARANTINE", str(tmp_path / "state" / "quarantine"))
    scanner = Scanner(tmp_path / "clamd")
    yield scanner
    scanner.socket.close()


@pytest.fixture
def home(tmp_path: Path, scanner: Scanner) -> Path:
    return tmp_path / "home"


def run(monkeypatch: pytest.MonkeyPatch, home: Path, *options: str) -> int:
    monkeypatch.setattr("sys.argv", ["scan.py", *options, "t", str(home)])
    return scan.main()


def put_away(home: Path) -> dict[str, bytes]:
    """Return what is in the quarantine by the path that it had."""
    store = home.parent / "state" / "quarantine"
    return {
        json.loads(note.read_text())["path"]: note.with_suffix("").read_bytes()
        for note in store.glob("*.json")
    }


def test_virus_goes_and_everything_else_stays(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "a" / "b").mkdir(parents=True)
    (home / "a" / "b" / "bad").write_bytes(VIRUS)
    (home / "good").write_bytes(b"fine")
    assert run(monkeypatch, home) == 0
    assert put_away(home) == {f"{home}/a/b/bad": VIRUS}
    assert {each.name for each in home.iterdir()} == {"a", "good"}
    assert "2 scanned, 1 put away, 0 not scanned" in capsys.readouterr().out
    (kept, _) = sorted((home.parent / "state" / "quarantine").iterdir())
    assert stat.S_IMODE(kept.stat().st_mode) == 0o400


def test_file_that_became_a_link_meanwhile_costs_nothing(
    home: Path, scanner: Scanner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    bad = home / "bad"
    bad.write_bytes(VIRUS)

    def swap() -> None:
        bad.unlink()
        bad.symlink_to(precious)

    scanner.meanwhile = swap
    assert run(monkeypatch, home) == 2
    assert precious.read_bytes() == b"precious"
    assert bad.is_symlink()
    assert put_away(home) == {str(bad): VIRUS}


def test_folder_that_became_a_link_meanwhile_costs_nothing(
    home: Path, scanner: Scanner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "bad").write_bytes(b"precious")
    (home / "folder").mkdir()
    (home / "folder" / "bad").write_bytes(VIRUS)

    def swap() -> None:
        (home / "folder").rename(home / "moved")
        (home / "folder").symlink_to(elsewhere)

    scanner.meanwhile = swap
    assert run(monkeypatch, home) == 0
    assert (elsewhere / "bad").read_bytes() == b"precious"
    assert not (home / "moved" / "bad").exists()


def test_quarantine_that_cannot_take_it_leaves_it_and_says_so(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "bad").write_bytes(VIRUS)
    (home.parent / "state" / "quarantine").rmdir()
    assert run(monkeypatch, home) == 2
    assert (home / "bad").read_bytes() == VIRUS
    assert "<3>infected, not put away: " in capsys.readouterr().out


def test_links_pipes_and_what_is_too_deep_are_no_trouble(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(home / "pipe")
    (home / "loop").symlink_to(home)
    deep = home
    for _ in range(scan.DEEPEST + 2):
        deep /= "d"
    deep.mkdir(parents=True)
    assert run(monkeypatch, home) == 0
    assert "too deep" in capsys.readouterr().out


def test_name_stands_in_one_line_of_the_journal(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "a\n<6>t, all files: fine\udcff").write_bytes(VIRUS)
    assert run(monkeypatch, home) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[:3] for line in lines] == [scan.WARNING, scan.INFO]
    assert "a\\n<6>t, all files: fine\\udcff'" in lines[0]


def test_only_new_files_are_scanned_again_until_all_are_due(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scan, "COARSE_S", 0)
    (home / "good").write_bytes(b"fine")
    week = ("--full-days", "7")
    assert run(monkeypatch, home, *week) == 0
    assert run(monkeypatch, home, *week) == 0
    whole = home.parent / "state" / "t-full"
    os.utime(whole, (0, 0))
    assert run(monkeypatch, home, *week) == 0
    said = [line.split(",")[1:3] for line in capsys.readouterr().out.splitlines()]
    assert said == [
        [" all files: 1 scanned", " 0 put away"],
        [" new files: 0 scanned", " 0 put away"],
        [" all files: 1 scanned", " 0 put away"],
    ]


@pytest.mark.parametrize("answer", [b"stream: x ERROR\0", b""])
def test_scanner_that_judges_nothing_is_no_scan(
    home: Path, scanner: Scanner, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    (home / "bad").write_bytes(VIRUS)
    scanner.answer = answer or b"\0"
    assert run(monkeypatch, home) == 1
    assert not (home.parent / "state" / "t").exists()


def test_scanner_that_is_down_is_no_scan(
    home: Path, scanner: Scanner, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    scanner.socket.close()
    Path(scan.SCANNER).unlink()
    assert run(monkeypatch, home) == 1
    assert "<3>t: not scanned: the scanner is down" in capsys.readouterr().out
    assert not (home.parent / "state" / "t").exists()


def test_large_file_is_named_and_is_no_failure(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    os.truncate(os.open(home / "large", os.O_CREAT | os.O_WRONLY), scan.LARGEST + 1)
    assert run(monkeypatch, home) == 0
    assert "not scanned: '" in capsys.readouterr().out


def test_file_that_grows_meanwhile_fills_no_disk(
    home: Path, scanner: Scanner, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = home / "bad"
    bad.write_bytes(VIRUS)
    scanner.meanwhile = lambda: os.truncate(bad, scan.LARGEST + 1)
    assert run(monkeypatch, home) == 2
    assert put_away(home) == {}
    assert list((home.parent / "state" / "quarantine").iterdir()) == []


def test_scanner_that_finds_everything_infected_takes_no_more_than_some(
    home: Path, scanner: Scanner, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(scan, "MOST_KEPT", 3)
    scanner.answer = b"stream: Everything FOUND\0"
    for number in range(5):
        (home / str(number)).write_bytes(b"fine")
    assert run(monkeypatch, home) == 2
    assert len(put_away(home)) == 3
    assert len(list(home.iterdir())) == 2
    assert "the quarantine holds 3 files; look at them first" in capsys.readouterr().out


def test_infected_file_that_stays_fails_every_run(
    home: Path, scanner: Scanner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "MOST_KEPT", 0)
    monkeypatch.setattr(scan, "COARSE_S", 0)
    (home / "bad").write_bytes(VIRUS)
    week = ("--full-days", "7")
    assert run(monkeypatch, home, *week) == 2
    assert run(monkeypatch, home, *week) == 2


def test_full_disk_takes_nothing_in(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scan, "RESERVE", 2**60)
    (home / "bad").write_bytes(VIRUS)
    assert run(monkeypatch, home) == 2
    assert "the disk of the quarantine is full" in capsys.readouterr().out


def test_thousand_files_that_cannot_be_scanned_are_a_few_lines_and_a_number(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scan, "LARGEST", 1)
    for number in range(1000):
        (home / str(number)).write_bytes(b"fine")
    assert run(monkeypatch, home) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == scan.NAMED + 1
    assert "0 scanned, 0 put away, 1000 not scanned" in lines[-1]


def test_folder_of_too_many_names_is_not_called_clean(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scan, "MOST_ENTRIES", 2)
    for number in range(3):
        (home / str(number)).write_bytes(b"fine")
    assert run(monkeypatch, home) == 0
    assert "2 scanned, 0 put away, 1 not scanned" in capsys.readouterr().out
