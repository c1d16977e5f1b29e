"""Joiners and leavers are written into the file; the rest stays as its writer left it."""

import datetime
from pathlib import Path
from typing import Any

import pytest

from rempart.policy import PolicyError, load
from rempart.policy.movement import join, leave

from .conftest import DENTIST, PRACTICE, PROVIDER

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGQqQ88FN2mH+MTxSjxUCTz/C27SR8e6EEr9pJ/C+Vkh s.petit"
SOPHIE: dict[str, Any] = {
    "login": "s.petit",
    "name": "Sophie Petit-Dupont",
    "role": "assistant",
    "hosts": ["ws-1", "srv"],
    "keys": [{"key": KEY, "expires": "2030-12-31"}],
    "from": "2026-01-05",
}
LINES = f"""\
  - login: s.petit
    name: Sophie Petit-Dupont
    role: assistant
    hosts: [ws-1, srv]
    keys:
      - key: {KEY}
        expires: 2030-12-31
    from: 2026-01-05
"""
LAST_DAY = datetime.date(2026, 11, 20)


def test_a_joiner_stands_behind_the_others(practice: Path) -> None:
    commented = PRACTICE.replace(" m.durand\nhosts:", " m.durand   # hers\n\n# machines\nhosts:")
    practice.write_text(commented)
    join(practice, SOPHIE)
    assert practice.read_text() == commented.replace("# hers\n", "# hers\n" + LINES)
    assert load(practice).people[-1].login == "s.petit"


@pytest.mark.parametrize("empty", ["people: []\n", "people: [ ]   # none yet\n", ""])
def test_the_first_joiner_finds_no_list(practice: Path, empty: str) -> None:
    start, end = PRACTICE.index("people:"), PRACTICE.index("hosts:\n  - name")
    practice.write_text(PRACTICE[:start] + empty + PRACTICE[end:])
    join(practice, SOPHIE)
    assert [person.login for person in load(practice).people] == ["s.petit"]
    assert "# none yet" in practice.read_text() or "#" not in empty


@pytest.mark.parametrize("name", ["Dr. Jean-Paul O'Neil", "Élodie Müller", "No", "null"])
def test_any_name_arrives_as_it_is(practice: Path, name: str) -> None:
    join(practice, SOPHIE | {"name": name})
    assert load(practice).people[-1].name == name


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"login": "m.durand"}, "is also the login of"),
        ({"hosts": ["ws-9"]}, "there is no such host"),
        ({"role": "boss"}, "role"),
        ({"name": "Anne : root"}, "name"),
        ({"until": "2020-01-01"}, "is before 'from'"),
        ({"keys": [{"file": "nowhere.pub"}]}, "nowhere.pub"),
    ],
)
def test_a_wrong_joiner_changes_nothing(practice: Path, change: dict[str, Any], word: str) -> None:
    with pytest.raises(PolicyError, match=word):
        join(practice, SOPHIE | change)
    assert practice.read_text() == PRACTICE


def test_a_leavers_last_day_stands_behind_the_entry(practice: Path) -> None:
    assert leave(practice, "m.durand", LAST_DAY)
    key = f"- key: {DENTIST} m.durand\n"
    assert practice.read_text() == PRACTICE.replace(key, f"{key}    until: 2026-11-20\n")
    assert not leave(practice, "m.durand", LAST_DAY)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("hosts: [ws-1]\n    keys", "hosts: [ws-1]\n    until: 2030-01-01   # planned\n    keys"),
        ("hosts: [ws-1]\n    keys", 'hosts: [ws-1]\n    "until": "2030-01-01"\n    keys'),
    ],
)
def test_a_new_last_day_takes_the_old_ones_place(practice: Path, old: str, new: str) -> None:
    practice.write_text(PRACTICE.replace(old, new))
    leave(practice, "m.durand", LAST_DAY)
    written = practice.read_text()
    expected = PRACTICE.replace(old, new).replace('"2030-01-01"', "2026-11-20")
    assert written == expected.replace("2030-01-01", "2026-11-20")


def test_a_leaver_in_braces(practice: Path) -> None:
    person = "  - {login: x.y, name: X Y, role: intern, hosts: [ws-1]}  # short\n"
    practice.write_text(PRACTICE.replace("hosts:\n  - name", f"{person}hosts:\n  - name"))
    leave(practice, "x.y", LAST_DAY)
    assert "hosts: [ws-1], until: 2026-11-20}  # short\n" in practice.read_text()


def test_a_technician_leaves_all_practices(practice: Path) -> None:
    provider = practice.parent / "provider.yaml"
    leave(provider, "t.leroy", LAST_DAY)
    assert provider.read_text() == PROVIDER + "    until: 2026-11-20\n"
    policy = load(practice)
    day_after = LAST_DAY + datetime.timedelta(days=1)
    assert [t.login for t in policy.technicians(LAST_DAY)] == ["t.leroy"]
    assert not policy.technicians(day_after)
    assert [each.login for each in policy.leavers_on(policy.host("srv"), day_after)] == ["t.leroy"]


def test_an_unknown_leaver_is_refused(practice: Path) -> None:
    with pytest.raises(PolicyError, match="has no login 'x'"):
        leave(practice, "x", LAST_DAY)


def test_windows_line_ends_stay(practice: Path) -> None:
    practice.write_bytes(PRACTICE.replace("\n", "\r\n").encode())
    join(practice, SOPHIE)
    leave(practice, "s.petit", LAST_DAY)
    assert b"\n" not in practice.read_bytes().replace(b"\r\n", b"")
    assert load(practice).people[-1].until == LAST_DAY
