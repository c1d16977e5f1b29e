"""What a host looks at before it backs up: its battery, and files that nobody should touch."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from copies import CANARY, Cabinet

BATTERY = "/root/power"


@pytest.fixture
def battery(cabinet: Cabinet) -> Iterator[str]:
    """The desk is a laptop with a mouse: in the lab's kernel there is no battery."""
    desk = cabinet.hosts["desk"]
    desk.run(
        f"mkdir -p {BATTERY}/BAT0 {BATTERY}/mouse && echo Discharging > {BATTERY}/BAT0/status"
        f" && echo Unknown > {BATTERY}/mouse/status"
        f" && mount --bind {BATTERY} /sys/class/power_supply"
    )
    yield f"{BATTERY}/BAT0"
    desk.run("umount /sys/class/power_supply")


def test_battery_that_is_about_to_end_is_spared(cabinet: Cabinet, battery: str) -> None:
    desk = cabinet.hosts["desk"]
    desk.run(f"echo 7 > {battery}/capacity")
    done = cabinet.backup("run", "desk")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "its battery is at 7 %; plug it in" in done.stdout
    for capacity, status in ((60, "Discharging"), (7, "Charging")):
        desk.run(f"echo {capacity} > {battery}/capacity; echo {status} > {battery}/status")
        cabinet.backed_up("desk")


@pytest.mark.parametrize("harm", ["echo encrypted >", "rm", "ln -sf /etc/hostname"])
def test_canary_that_is_touched_is_an_alarm_until_it_is_released(
    cabinet: Cabinet, harm: str
) -> None:
    desk = cabinet.hosts["desk"]
    cabinet.backed_up("desk")
    desk.run(f"cp -p {CANARY} /root/canary; {harm} {CANARY}")
    try:
        done = cabinet.backup("run", "desk")
        verified = cabinet.rempart(
            "verify", cabinet.inventory, "--host", "desk", "--control", "BK-5"
        )
    finally:
        desk.run(f"rm -f {CANARY}; mv /root/canary {CANARY}")
    assert done.returncode == 2, done.stdout + done.stderr
    assert f"ALARM: canary changed or gone: {CANARY}" in done.stdout
    assert verified.returncode == 1, verified.stdout
    assert CANARY in verified.stdout
    cabinet.backed_up("desk")
