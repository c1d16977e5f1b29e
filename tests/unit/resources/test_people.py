"""Leavers, unknown accounts and PAM profiles: what a plan shows, and when it shows nothing."""

from __future__ import annotations

import base64
from datetime import date

import pytest

from rempart.resources import Ageing, Observation, Pam, Roster, User

LEAVER = User(concern="c", login="x", comment="X Y", until=date(1970, 1, 10), left=True)
GONE = {
    "user": {"x": ("X Y", "/bin/bash", "1000")},
    "shadow": {"x": ("10",)},
    "member": {"x": ("",)},
    "residue": {"x": ("",)},
    "home": {"/home/x": ("root", "700")},
}


def seen(**facts: dict[str, tuple[str, ...]]) -> Observation:
    return Observation(GONE | facts)


def test_who_has_nothing_left_is_as_wanted() -> None:
    assert LEAVER.diff(seen()) is None
    assert LEAVER.diff(seen(user={})) is None  # never had an account here


@pytest.mark.parametrize(
    ("fact", "line"),
    [
        ({"shadow": {"x": ("",)}}, "- expires never"),
        ({"member": {"x": ("adm,sudo",)}}, "- in group sudo"),
        ({"residue": {"x": ("crontab,lingering",)}}, "- lingering"),
        ({"home": {"/home/x": ("x", "700")}}, "- /home/x is theirs; it becomes root's and stays"),
    ],
)
def test_each_thing_that_is_left_is_shown(
    fact: dict[str, dict[str, tuple[str, ...]]], line: str
) -> None:
    change = LEAVER.diff(seen(**fact))
    assert change
    assert line in change.diff
    assert "close_account x 10\n" in change.script


def test_no_answer_about_a_leaver_is_no_clean_host() -> None:
    with pytest.raises(ValueError, match="left behind"):
        LEAVER.diff(seen(residue={}))


def test_who_comes_back_has_the_home_again() -> None:
    back = User(concern="c", login="x", comment="X Y")
    change = back.diff(seen(shadow={"x": ("",)}))
    assert change
    assert change.diff == ("+ /home/x is theirs again",)
    assert back.diff(seen(shadow={"x": ("",)}, home={"/home/x": ("x", "700")})) is None


def test_unknown_accounts_are_closed_and_opened_again() -> None:
    roster = Roster(concern="c", known=("x",))
    there = Observation({"account": {"x": ("",), "y": ("",), "-z": ("30000",), "shut": ("1",)}})
    change = roster.diff(there)
    assert change
    assert change.diff == ("- account -z", "- account y")
    assert change.script == "lock_accounts 1 -z y\n"
    lines, script = Roster.undo("accounts", roster.original(there), Observation({}))
    assert lines[1] == "+ account shut, unless it was opened since"
    assert script == "unlock_account 1 -z 30000\nunlock_account 1 shut 1\nunlock_account 1 y ''\n"


def test_an_account_that_is_not_there_yet_gets_its_ageing_from_login_defs() -> None:
    ageing = Ageing(concern="c", login="x", max_days=180, warn_days=14)
    assert ageing.diff(Observation({})) is None
    assert ageing.diff(Observation({"ageing": {"x": ("180", "14")}})) is None
    change = ageing.diff(Observation({"ageing": {"x": ("99999", "7")}}))
    assert change
    assert change.diff[0] == "- 99999 days, warning 7 days before"


PROFILE = """\
Name: x
Auth-Type: Primary
Auth:
	[success=end default=ignore]	pam_x.so  one try_first_pass
Auth-Initial:
	[success=end default=ignore]	pam_x.so one
Password:
	required	pam_y.so
"""


@pytest.mark.parametrize(
    ("auth", "password", "missing"),
    [
        ("auth [success=2 default=ignore] pam_x.so one", "password required pam_y.so", []),
        ("auth\t[success=1]\tpam_x.so one try_first_pass", "password required\tpam_y.so", []),
        (
            "# pam_x.so one",
            "password required pam_y.so",
            ["+ /etc/pam.d/common-auth: pam_x.so one"],
        ),
        ("auth x pam_x.so one", "", ["+ /etc/pam.d/common-password: pam_y.so"]),
    ],
)
def test_a_profile_is_enabled_when_its_lines_stand_in_the_stacks(
    auth: str, password: str, missing: list[str]
) -> None:
    texts = {
        "/usr/share/pam-configs/x": PROFILE,
        "/etc/pam.d/common-auth": auth,
        "/etc/pam.d/common-password": password,
    }
    facts = {path: (base64.b64encode(text.encode()).decode(),) for path, text in texts.items()}
    change = Pam(concern="c", name="x", content=PROFILE).diff(Observation({"text": facts}))
    assert (list(change.diff) if change else []) == missing
