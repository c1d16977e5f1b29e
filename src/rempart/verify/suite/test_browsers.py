"""PW-3, AV-2 and UP-4: what the policies tell each browser that is there, and how old it is.

A policy counts as the browser reads it: Firefox takes one file, Chromium all files of a folder.
"""

from __future__ import annotations

import json
import shlex
from datetime import UTC, date
from email.utils import parsedate_to_datetime
from pathlib import PurePosixPath
from typing import Any

import pytest

from rempart.verify import reading
from rempart.verify.machine import AnswerError, Machine
from rempart.verify.proof import Proof

PROGRAMS = {"firefox-esr": "firefox", "chromium": "chromium"}
"""Debian's browsers, and whose policies each follows."""
FILES = {
    "firefox": "/etc/firefox/policies/policies.json",
    "chromium": "/etc/chromium/policies/managed",
}
SAFE = ("malware", "phishing", "downloads")
CARRIERS = ("deb", "docm", "iso", "xlsm")
"""Files with programs in them, which no browser may open by itself, whatever was once ticked."""

MOST_DAYS = 60
"""Both browsers have security updates every four weeks or more often."""

MOST_FILES = 100

Policies = dict[str, Any]


@pytest.fixture(scope="module")
def programs(machine: Machine) -> list[str]:
    """The browsers that are installed."""
    asked = "; ".join(f"command -v {name}" for name in PROGRAMS)
    found = machine.ask(f"{asked}; true").split()
    return [name for name in PROGRAMS if any(path.endswith(f"/{name}") for path in found)]


@pytest.fixture(scope="module")
def told(machine: Machine, programs: list[str]) -> dict[str, Policies]:
    """What the policies say, ``{"firefox": {"DisableSecurityBypass.SafeBrowsing": True, …}}``."""
    return {kind: _policies(machine, kind) for kind in (PROGRAMS[name] for name in programs)}


def _policies(machine: Machine, kind: str) -> Policies:
    """Return what a browser is told; a value that files contradict each other in is no value."""
    place = PurePosixPath(FILES[kind])
    folders = " ".join(map(str, place.parents[:-2]))  # below /etc
    files = f"find -L {place} -maxdepth 1 -type f"  # browsers follow links, too
    others = "'(' ! -user root -o -perm /022 ')'"
    open_ = f"find -L {folders} {place} -maxdepth 0 {others}; {files} {others}"
    if machine.ask(f"{{ {open_}; }} 2> /dev/null; true"):
        return {}  # where others than root may write, nothing is said for sure
    found: Policies = {}
    listed = machine.ask(f"{files} -print0 2> /dev/null; true")
    paths = listed.split("\0")[:-1]
    if len(paths) > MOST_FILES:
        raise AnswerError(f"{place}: has more than {MOST_FILES} files")
    for path in paths:
        try:
            said = machine.ask(f"cat -- {shlex.quote(path)}", name=f"cat {path}")
            read = json.loads(said, parse_constant=_refused)
            policies = read["policies"] if kind == "firefox" else read
            for key, value in reading.flat(policies):
                found[key] = value if found.get(key, value) == value else "contradictory"
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise AnswerError(f"{path}: cannot be read (got {error!r})") from error
    return found


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _hold(told: dict[str, Policies], wanted: dict[str, Policies], proof: Proof) -> None:
    """Prove that each browser that is there is told what is wanted of it."""
    if not told:
        proof.does_not_apply("no browser", "command -v")
        return
    for kind, policies in told.items():
        actual = {key: _shown(policies.get(key)) for key in wanted[kind]}
        expected = {key: _shown(value) for key, value in wanted[kind].items()}
        proof.settings(expected, actual, FILES[kind])


def _shown(value: object) -> str:
    return "absent" if value is None else json.dumps(value, sort_keys=True)


@pytest.mark.control("PW-3")
def test_browsers_keep_no_passwords(told: dict[str, Policies], proof: Proof) -> None:
    """No browser offers to keep a password."""
    wanted: Policies = {"PasswordManagerEnabled": False}
    firefox = wanted | {
        "OfferToSaveLogins": False,
        "Preferences.signon.rememberSignons.Value": False,
        "Preferences.signon.rememberSignons.Status": "locked",
    }
    _hold(told, {"firefox": firefox, "chromium": wanted}, proof)


@pytest.mark.control("AV-2")
def test_browsers_start_nothing(told: dict[str, Policies], proof: Proof) -> None:
    """No browser opens by itself what holds a program, and warnings about bad sites hold."""
    wanted: dict[str, Policies] = {
        "firefox": {"DisableSecurityBypass.SafeBrowsing": True}
        | {f"Handlers.extensions.{kind}.action": "saveToDisk" for kind in CARRIERS}
        | {f"Preferences.browser.safebrowsing.{each}.enabled.Value": True for each in SAFE}
        | {f"Preferences.browser.safebrowsing.{each}.enabled.Status": "locked" for each in SAFE},
        "chromium": {
            "AutoOpenFileTypes": [],
            "DisableSafeBrowsingProceedAnyway": True,
            "DownloadRestrictions": 4,
            "SafeBrowsingProtectionLevel": 1,
        },
    }
    _hold(told, wanted, proof)


@pytest.mark.control("UP-4")
def test_browsers_may_update(told: dict[str, Policies], proof: Proof) -> None:
    """Nothing keeps a browser from its updates and its lists of bad sites."""
    if not told:
        proof.does_not_apply("no browser", "command -v")
        return
    off = [
        f"{kind}: {key} {_shown(policies[key])}"
        for kind, policies in told.items()
        for key, value in {
            "DisableAppUpdate": False,
            "ExtensionUpdate": True,
            "ComponentUpdatesEnabled": True,
        }.items()
        if policies.get(key, value) is not value
    ]
    proof.none(off, "no update switched off", "policies")


@pytest.mark.control("UP-4")
def test_browsers_are_fresh(
    machine: Machine, programs: list[str], today: date, proof: Proof
) -> None:
    """Each browser was made by Debian within the last 60 days."""
    if not programs:
        proof.does_not_apply("no browser", "command -v")
        return
    ages = {}
    for name in programs:
        log = f"/usr/share/doc/{name}/changelog.Debian.gz"
        made = machine.ask(f"zcat {log} 2> /dev/null | sed -n '/^ -- .*>  /{{s///p;q}}'", ok=(0, 2))
        ages[name] = _days(made, today)
    seen = ", ".join(f"{name} {days} days old" for name, days in ages.items())
    how = "changelog.Debian.gz"
    proof.that(max(ages.values()) <= MOST_DAYS, f"at most {MOST_DAYS} days old", seen, how)


def _days(made: str, today: date) -> int:
    """Return the age in days of what was made at that time, as Debian's changelogs write it."""
    try:
        return (today - parsedate_to_datetime(made.strip()).astimezone(UTC).date()).days
    except ValueError as error:
        raise AnswerError(f"changelog: has no date (got {made[:40]!r})") from error
