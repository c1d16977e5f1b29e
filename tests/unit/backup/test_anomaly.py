"""What looks like an attack from one snapshot to the next."""

from __future__ import annotations

import pytest

from rempart.backup.anomaly import Change, judged

MIB = 1024 * 1024
FILES = tuple(f"/srv/{n}.docx" for n in range(100))


def change(
    modified: tuple[str, ...] = (),
    added: tuple[str, ...] = (),
    removed: tuple[str, ...] = (),
    added_bytes: int = 1000,
) -> Change:
    return Change(100, 50 * MIB, modified, added, removed, added_bytes)


CALM = {
    "a day's work": change(FILES[:9], ("/srv/new.docx",), FILES[9:11]),
    "a folder was moved": change((), tuple(f"/moved{path}" for path in FILES[:40]), FILES[:40]),
    "a few got another ending": change((), tuple(f"{p}.bak" for p in FILES[:5]), FILES[:5]),
    "a film": change(added=("/srv/film.mp4",), added_bytes=45 * MIB),
}
ALARMING = {
    "half of all changed": (change(FILES[:50]), "50 of 100 files changed or gone at once"),
    "half of all are gone": (change(removed=FILES[:50]), "50 of 100 files changed or gone at once"),
    "a new ending": (
        change((), tuple(f"{path}.locked" for path in FILES[:20]), FILES[:20]),
        "20 files have a new ending: .locked",
    ),
    "far more than ever": (
        change(added_bytes=500 * MIB),
        "524288000 bytes more, 50 times as usual",
    ),
}


@pytest.mark.parametrize("name", CALM)
def test_usual_work_is_no_alarm(name: str) -> None:
    assert judged(CALM[name], [MIB, 2 * MIB]) == []


@pytest.mark.parametrize("name", ALARMING)
def test_attack_is_named(name: str) -> None:
    attack, said = ALARMING[name]
    assert judged(attack, [MIB, 2 * MIB]) == [said]
