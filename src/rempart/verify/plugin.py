"""The pytest plugin of the shipped suite: which host, which controls, and the evidence file.

Each check carries its controls, ``@pytest.mark.control("SS-1")``, says in its docstring what it
proves, and notes in the fixture ``proof`` what it wanted and saw. One JSON line per check and
control goes to ``--evidence``.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import signal
from collections.abc import Generator
from pathlib import Path

import pytest

from rempart.verify.proof import Proof, Record, UnmetError, one_line

PROOF = pytest.StashKey[Proof]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what `run` passes on."""
    group = parser.getgroup("rempart")
    group.addoption("--inventory", type=Path, required=True)
    group.addoption("--hostname", required=True)
    group.addoption("--ssh-config", type=Path, required=True)
    group.addoption("--today", type=datetime.date.fromisoformat, required=True)
    group.addoption("--evidence", type=Path, required=True)
    group.addoption("--control", action="append", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and end as after Ctrl-C, with all fixtures undone, when told to."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    config.addinivalue_line("markers", "control(id, …): the controls that the check proves")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep only the checks of the wanted controls."""
    wanted = set(config.getoption("--control"))
    if wanted:
        items[:] = [item for item in items if wanted & set(controls_of(item))]


def controls_of(item: pytest.Item) -> tuple[str, ...]:
    """Return the controls of a check."""
    return tuple(control for marker in item.iter_markers("control") for control in marker.args)


@pytest.fixture
def proof(request: pytest.FixtureRequest) -> Proof:
    """What the check wanted and saw."""
    made = Proof()
    request.node.stash[PROOF] = made
    return made


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Write what the check found, or that it could not find out."""
    report = yield
    if call.when == "call" or call.excinfo:
        _write(item, call.excinfo.value if call.excinfo else None)
    return report


def _write(item: pytest.Item, error: BaseException | None) -> None:
    proof = item.stash.get(PROOF, Proof())
    wanted = set(item.config.getoption("--control"))
    lines = []
    for control in controls_of(item):
        if wanted and control not in wanted:
            continue
        record = _record(control, _title(item), proof, error)
        lines.append(json.dumps(dataclasses.asdict(record)))
    with item.config.getoption("--evidence").open("a", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


def _record(control: str, check: str, proof: Proof, error: BaseException | None) -> Record:
    if error is None:
        return Record(control, check, proof.outcome, proof.expected, proof.actual, proof.how)
    if isinstance(error, UnmetError):
        return Record(control, check, "fail", proof.expected, proof.actual, proof.how)
    said = one_line(error) or type(error).__name__
    return Record(control, check, "error", proof.expected or "an answer", said, proof.how)


def _title(item: pytest.Item) -> str:
    documented = getattr(getattr(item, "obj", None), "__doc__", None) or item.name
    return one_line(documented.strip().splitlines()[0].rstrip("."))
