"""Sixty days of somebody who encrypts a letter every other day, in a real repository.

Each keeps its name, size and time, the canary is spared, and people go on working. What the days
are is told by the snapshots' times and arrivals; nobody waits.
"""

from __future__ import annotations

import datetime
import json
import os
import random
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydantic import SecretStr

from rempart.backup.anomaly import find
from rempart.backup.repository import Opened
from rempart.backup.retention import expired
from rempart.backup.snapshots import Snapshot
from rempart.policy.backup import Retention

DAYS, STEP, LOOK_DAYS = 60, 2, 20
SHORT = Retention(keep_within="4d", keep_within_daily="10d", keep_within_weekly="1y")
LETTERS = 150
FIRST = datetime.datetime(2026, 1, 4, 12, 30, tzinfo=datetime.UTC)
PASSWORD = "sixty days"
DAY = datetime.timedelta(days=1)


@dataclass
class Practice:
    """Letters, and a repository with a snapshot for every other day that has been."""

    folder: Path
    chance: random.Random = field(default_factory=lambda: random.Random(5))
    spoilt: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    """Letters that somebody has encrypted: the day, and what they were."""

    def restic(self, *arguments: str) -> str:
        environment = {"PATH": os.environ["PATH"], "RESTIC_PASSWORD": PASSWORD}
        command = ["restic", "--repo", f"{self.folder}/repository", "--no-cache", *arguments]
        done = subprocess.run(
            command, env=environment, cwd=self.folder, capture_output=True, text=True, check=True
        )
        return done.stdout

    @property
    def letters(self) -> list[Path]:
        return sorted(self.folder.glob("dossiers/lettre-*"))

    def write(self, number: int) -> None:
        """Write a letter."""
        words = self.chance.choices(
            ("le", "patient", "souffre", "d'une", "molaire", "depuis"), k=900
        )
        (self.folder / f"dossiers/lettre-{number:03}").write_text(" ".join(words))

    def work(self, day: int) -> None:
        """Write a letter, and add a line to another, as ever."""
        self.write(LETTERS + day)
        whole = [letter for letter in self.letters if letter.name not in self.spoilt]
        with self.chance.choice(whole).open("a") as letter:
            letter.write(f" revu le jour {day}\n")

    def spoil(self, day: int) -> None:
        """Encrypt a letter, so that nobody sees it from outside."""
        letter = self.chance.choice([each for each in self.letters if each.name not in self.spoilt])
        about, content = letter.stat(), letter.read_bytes()
        self.spoilt[letter.name] = (day, content)
        letter.write_bytes(self.chance.randbytes(len(content)))
        os.utime(letter, ns=(about.st_atime_ns, about.st_mtime_ns))

    def back_up(self, day: int) -> None:
        moment = (FIRST + day * DAY).strftime("%Y-%m-%d %H:%M:%S")
        self.restic("backup", "--quiet", "--time", moment, "--host", "t/desk", "dossiers")

    def snapshots(self) -> list[Snapshot]:
        found = []
        for each in json.loads(self.restic("snapshots", "--json")):
            taken = datetime.datetime.fromisoformat(each["time"])
            found.append(Snapshot(each["id"], taken, taken, tuple(each["paths"]), ()))
        return sorted(found, key=lambda snapshot: snapshot.time)

    def look(self) -> list[str]:
        """Return what the last days' snapshots are suspected of."""
        where = ["--repo", f"{self.folder}/repository", "--no-cache"]
        return find(Opened(where, SecretStr(PASSWORD)), self.snapshots(), LOOK_DAYS // STEP)

    def maintain(self) -> None:
        """Forget what the policy does not keep; somebody careless has released all alarms."""
        forget = [each.id for each in expired(self.snapshots(), SHORT)]
        if forget:
            self.restic("forget", "--prune", *forget)


@pytest.fixture
def practice(tmp_path: Path) -> Practice:
    practice = Practice(tmp_path)
    practice.restic("init")
    (tmp_path / "dossiers").mkdir()
    (tmp_path / "dossiers/0000-lisezmoi").write_text("Ne pas toucher.\n")
    for number in range(LETTERS):
        practice.write(number)
    practice.back_up(0)
    return practice


def test_sixty_days_of_work_are_no_alarm(practice: Practice) -> None:
    for day in range(STEP, DAYS + 1, STEP):
        practice.work(day)
        practice.back_up(day)
        if day % LOOK_DAYS == 0:
            assert practice.look() == []


def test_sixty_days_of_slow_corruption_are_an_alarm_and_lose_nothing(practice: Practice) -> None:
    said = {}
    for day in range(STEP, DAYS + 1, STEP):
        practice.work(day)
        practice.spoil(day)
        practice.back_up(day)
        if day % LOOK_DAYS == 0:
            said[day] = practice.look()
            practice.maintain()
    assert "have turned into noise" in said[LOOK_DAYS][0], said
    assert all(said.values()), said

    kept = practice.snapshots()
    assert len(kept) < DAYS / STEP / 1.5
    for name, (day, content) in practice.spoilt.items():
        whole = [each for each in kept if each.time < FIRST + day * DAY]
        assert whole, (name, day)
        back = practice.restic("dump", whole[-1].id, f"/dossiers/{name}").encode()
        assert len(back) > 1000, name
        assert content.startswith(back), (name, day)
