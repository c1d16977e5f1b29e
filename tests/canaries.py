"""The gate: of the tests on hosts, the canaries of `canaries.toml` alone (`pytest --gate`)."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

import pytest

LAB = "tests/lab/"


@cache
def promises() -> dict[str, str]:
    """Return what each canary stands for, by its node id or its file below tests/lab."""
    text = Path(__file__).with_suffix(".toml").read_text()
    return {test: promise for promise, test in tomllib.loads(text).items()}


def canary(nodeid: str) -> str:
    """Return the canary that a test is or belongs to; '' for every other test."""
    name = nodeid.removeprefix(LAB)
    return next((each for each in promises() if each in (name, name.partition("::")[0])), "")


def keep(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests on hosts that are no canaries.

    Raises:
        pytest.UsageError: a canary is no test of that name: nothing would hold its promise.
    """
    chosen = {item: canary(item.nodeid) for item in items}
    lost = promises().keys() - set(chosen.values())
    if lost:
        raise pytest.UsageError(f"canaries.toml: no such test: {', '.join(sorted(lost))}")
    left_out = [item for item in items if item.nodeid.startswith(LAB) and not chosen[item]]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in set(left_out)]
