"""The plan's file: what was written is what is read, and anything else is one clear line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rempart.engine.apply import stale
from rempart.engine.plan import HostPlan, Plan, PlannedChange, read_plan
from rempart.errors import RempartError

WORDS = st.text(max_size=12)
CHANGES = st.builds(
    PlannedChange, id=WORDS, concern=WORDS, controls=st.lists(WORDS, max_size=2).map(tuple),
    action=WORDS, label=WORDS, diff=st.lists(WORDS, max_size=3).map(tuple), risky=st.booleans(),
)  # fmt: skip
HOSTS = st.builds(
    HostPlan, host=WORDS, observed=WORDS, changes=st.lists(CHANGES, max_size=3).map(tuple),
    error=WORDS, packages_first=st.booleans(),
)  # fmt: skip
PLANS = st.builds(
    Plan, inventory=WORDS, policy_digest=WORDS, hosts=st.lists(HOSTS, max_size=3).map(tuple),
    created=WORDS,
)  # fmt: skip

CHANGE = PlannedChange("file:/x", "ssh", ("SS-1",), "create", "Write /x", ("+a",), True)
PACKAGE = PlannedChange("package:x", "x", (), "create", "Install x", ("+ x 1.0",), False)
PLAN = Plan("/x/t.yaml", "digest", (HostPlan("t/a", "seen", (CHANGE,)),))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=PLANS)
def test_plan_is_read_as_it_was_written(tmp_path: Path, plan: Plan) -> None:
    file = tmp_path / "plan.json"
    file.write_text(plan.to_json(), encoding="utf-8")
    assert read_plan(file) == plan


def _broken(change: Callable[[Any], object]) -> str:
    document = json.loads(PLAN.to_json())
    change(document)
    return json.dumps(document)


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "null", '"plan"', "[" * 100_000, '{"schema": 1}',
        _broken(lambda plan: plan.pop("hosts")),
        _broken(lambda plan: plan.update(inventory=5)),
        _broken(lambda plan: plan.update(hosts="t/a")),
        _broken(lambda plan: plan["hosts"][0].update(host=["t/a"])),
        _broken(lambda plan: plan["hosts"][0].update(changes=[5])),
        _broken(lambda plan: plan["hosts"][0]["changes"][0].update(risky="no idea")),
        _broken(lambda plan: plan["hosts"][0]["changes"][0].pop("diff")),
    ],
)  # fmt: skip
def test_file_that_is_no_plan_is_one_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "plan.json"
    file.write_text(text)
    with pytest.raises(RempartError, match=r"is no plan of rempart; make one with rempart plan$"):
        read_plan(file)


def test_plan_of_another_version_is_told_so(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text(_broken(lambda plan: plan.update(schema=2)))
    with pytest.raises(RempartError, match="a plan of another version of rempart; plan again"):
        read_plan(file)


def test_plan_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RempartError, match=r"cannot be read \(No such file or directory\)"):
        read_plan(tmp_path / "none.json")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe")
    with pytest.raises(RempartError, match="is no plan of rempart"):
        read_plan(tmp_path / "bytes.json")


@pytest.mark.parametrize(
    ("hosts", "code"),
    [
        ((HostPlan("t/a", "seen"),), 0),
        ((HostPlan("t/a", "seen", (CHANGE,)), HostPlan("t/b", "seen")), 2),
        ((HostPlan("t/a", "seen"), HostPlan("t/b", error="off")), 1),
        ((HostPlan("t/a", "seen", (CHANGE,)), HostPlan("t/b", error="off")), 1),
    ],
)
def test_exit_code_never_counts_an_unplanned_host_as_clean(
    hosts: tuple[HostPlan, ...], code: int
) -> None:
    assert Plan("x", "y", hosts).exit_code == code


def test_plan_is_stale_when_anything_reviewed_has_changed() -> None:
    planned = HostPlan("t/a", "seen", (PACKAGE, CHANGE))
    assert stale(planned, planned) == ""
    assert "is not in the plan" in stale(None, planned)
    assert "could not be planned" in stale(HostPlan("t/a", error="off"), planned)
    assert "has changed since" in stale(planned, HostPlan("t/a", "other", planned.changes))
    assert "other changes" in stale(planned, HostPlan("t/a", "seen", (PACKAGE,)))


def test_newer_package_version_does_not_make_a_plan_stale() -> None:
    newer = PlannedChange("package:x", "x", (), "create", "Install x", ("+ x 1.1",), False)
    assert stale(HostPlan("t/a", "s", (PACKAGE,)), HostPlan("t/a", "s", (newer,))) == ""
