"""What a rewind shows: what had arrived, and what maintenance has read since."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rempart.backup.server import ledger
from rempart.backup.server.commit import Commit, carry_out
from rempart.backup.server.rewind import parted

NAME = "accueil-1/cabinet"
MOMENTS = {hour: datetime(2026, 11, 20, hour, tzinfo=UTC) for hour in range(24)}


def entry(path: str, hour: int) -> dict[str, Any]:
    ctime = int(MOMENTS[hour].timestamp() * 1e9)
    return {"path": path, "size": 1, "ctime": ctime, "noted": MOMENTS[hour].isoformat()}


@pytest.fixture
def noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An index and a snapshot of the morning, and of the afternoon."""
    monkeypatch.setattr(ledger, "STATE", tmp_path)
    objects = [
        ("config", 1),
        ("index/a", 8),
        ("snapshots/a", 8),
        ("index/b", 14),
        ("snapshots/b", 14),
    ]
    file = ledger.state_file(NAME, "ledger")
    ledger.append(file, [entry(path, hour) for path, hour in objects])
    return file


def kept(hour: int) -> list[str]:
    return parted(NAME, MOMENTS[hour])[0]


def test_what_came_later_is_left_out(noted: Path) -> None:
    assert kept(12) == ["config", "index/a", "snapshots/a"]
    assert parted(NAME, MOMENTS[12])[1] == ["index/b", "snapshots/b"]


def test_what_maintenance_has_read_serves_snapshots_of_before(noted: Path) -> None:
    """It may have written new packs and indexes for the old snapshots."""
    ledger.append(noted, [{"maintained": MOMENTS[15].isoformat()}, entry("index/poison", 17)])
    assert kept(12) == ["config", "index/a", "snapshots/a", "index/b"]


def test_putting_aside_reads_nothing_and_vouches_for_nothing(noted: Path, tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    (folder / "index").mkdir(parents=True)
    (folder / "index/b").write_text("x")
    carry_out(Commit(NAME, "now", [], ["index/b"]), folder, tmp_path / "work")
    ledger.append(noted, [entry("index/poison", 17)])
    assert (tmp_path / "repository.aside/now/index/b").exists()
    assert kept(12) == ["config", "index/a", "snapshots/a"]
