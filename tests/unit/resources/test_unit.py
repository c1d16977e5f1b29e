"""Units whose state has no opposite."""

from __future__ import annotations

import pytest

from rempart.resources import Observation, Unit


@pytest.mark.parametrize("state", ["static", "indirect", "generated", "disabled", "masked"])
def test_unit_with_nothing_to_disable_is_as_wanted(state: str) -> None:
    seen = Observation({"unit": {"x.service": ("loaded", "inactive", state)}})
    assert Unit(concern="x", unit="x.service", enabled=False, running=False).diff(seen) is None


@pytest.mark.parametrize("state", ["enabled", "enabled-runtime", "alias"])
def test_enabled_unit_is_disabled(state: str) -> None:
    seen = Observation({"unit": {"x.service": ("loaded", "inactive", state)}})
    change = Unit(concern="x", unit="x.service", enabled=False).diff(seen)
    assert change is not None
    assert "systemctl -q disable x.service" in change.script
