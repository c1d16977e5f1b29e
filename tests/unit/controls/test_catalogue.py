"""The catalogue is true: what is built is enforced, proven, and was broken to see it go red."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import pytest

from rempart.cli.controls import as_markdown
from rempart.controls import CONTROLS, Control
from rempart.hardening import CONCERNS, desired
from rempart.verify.checks import checks

ROOT = Path(__file__).parents[3]
sys.path[:0] = [str(ROOT / "tests/golden"), str(ROOT / "tests/lab")]

import breaks  # noqa: E402
import upkeep  # noqa: E402
import variant  # noqa: E402

PEOPLE = "people/test_people.py"
BROWSERS = "people/test_browsers.py"
MALWARE = "people/test_malware.py"
BROKEN_ELSEWHERE = {
    "AC-4": f"{PEOPLE}::test_a_leaver_is_out_by_every_way_and_can_come_back",
    "AV-2": "people/test_desktops.py::test_lock_that_is_gone_is_red_and_comes_back",
    "AC-6": f"{PEOPLE}::test_review_names_unknown_accounts_and_the_policy_can_lock_them",
    "AV-1": f"{MALWARE}::test_break_is_red",
    "AV-3": f"{MALWARE}::test_scanner_that_is_down_scans_nothing_and_says_so",
    "PW-3": f"{BROWSERS}::test_policy_that_is_gone_or_changed_is_red_and_comes_back",
    "UP-4": f"{BROWSERS}::test_old_browser_is_red",
    "FW-5": "verify/test_verify.py::test_operator_without_sudo_is_named",
    "PR-1": "verify/test_verify.py::test_expired_exception_is_red_even_if_all_is_well",
}
"""Below tests/lab; all others are in `breaks.py` and `upkeep.py`."""

BUILT = [control for control in CONTROLS.values() if control.is_built]
LATER = date(2100, 1, 1)
"""By then everybody with a last day has left."""

WITHOUT_CHECK = {"AC-6", "PR-1"}
"""Commands, whose outcome is not on a host."""


@pytest.fixture(scope="module")
def concerns() -> dict[str, set[str]]:
    """Which concerns want something for a control, on all hosts of the golden files' policy."""
    policy = variant.policy()
    found: dict[str, set[str]] = {}
    for name in variant.RELEASES:
        for today in (variant.TODAY, LATER):
            for resource in desired(policy, policy.host(name), variant.traits(name), today):
                for control in resource.controls:
                    found.setdefault(control, set()).add(resource.concern)
    return found


@pytest.mark.parametrize("control", CONTROLS.values(), ids=lambda each: each.id)
def test_enforcement_is_what_the_hardening_wants(
    control: Control, concerns: dict[str, set[str]]
) -> None:
    named = {word for word in control.enforced_by if word in CONCERNS}
    commands = set(control.enforced_by) - named
    assert named == concerns.get(control.id, set())
    assert all(command.startswith("rempart ") for command in commands)


@pytest.mark.parametrize("control", CONTROLS.values(), ids=lambda each: each.id)
def test_what_is_enforced_is_proven_and_what_is_proven_is_enforced(control: Control) -> None:
    assert bool(checks().get(control.id)) == (control.is_built and control.id not in WITHOUT_CHECK)


@pytest.mark.parametrize("control", BUILT, ids=lambda each: each.id)
def test_what_is_built_was_broken(control: Control) -> None:
    if control.id in BROKEN_ELSEWHERE:
        file, _, test = BROKEN_ELSEWHERE[control.id].partition("::")
        assert f"\ndef {test}(" in (ROOT / "tests/lab" / file).read_text()
    else:
        assert any(control.id in each.red for each in (*breaks.BREAKS, *upkeep.BREAKS))


@pytest.mark.parametrize("control", CONTROLS.values(), ids=lambda each: each.id)
def test_entry_is_whole(control: Control) -> None:
    assert control.why.endswith(".")
    assert control.title != control.titre
    assert control.sources or control.id in {"FW-5", "PR-2", "BK-3"}


def test_page_is_the_catalogue() -> None:
    written = (ROOT / "docs/controls.md").read_text(encoding="utf-8")
    assert written == as_markdown(list(CONTROLS.values())) + "\n"
