"""Services that nobody may reach are off, and on again when the policy names their port."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import practice
import pytest

from lab.host import Host

LISTENS = "ss -Hlntu 'sport = 111'"


@pytest.mark.parametrize("image", ["debian-12", "debian-13"])
def test_rpcbind_is_off_until_the_policy_names_it(
    fresh_host: Callable[..., Host], tmp_path: Path, image: str
) -> None:
    host = fresh_host(f"{image}-ready")
    host.run("apt-get -qq -y install --no-install-recommends rpcbind >/dev/null 2>&1")
    assert host.run(LISTENS).stdout
    inventory = practice.enrolled(tmp_path, {"a": host})
    applied = practice.rempart("apply", inventory, "--yes")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert "Disable and stop rpcbind.socket" in applied.stdout
    assert not host.run(LISTENS).stdout
    assert practice.planned(inventory) == {"t/a": {}}
    host.reboot()
    assert not host.run(LISTENS).stdout

    portmapper = {"name": "nfs", "ports": [111], "hosts": ["a"], "from": ["10.77.0.0/24"]}
    practice.edit(inventory, lambda data: data["firewall"]["services"].append(portmapper))
    again = practice.rempart("apply", inventory, "--yes")
    assert again.returncode == 0, again.stdout + again.stderr
    assert host.run(LISTENS).stdout


def test_person_keeps_jobs_and_makes_no_new_ones(
    fresh_host: Callable[..., Host], tmp_path: Path
) -> None:
    host = fresh_host(practice.READY)
    inventory = practice.enrolled(tmp_path, {"a": host}, people=[practice.MARIE])
    host.run("useradd -m m.durand; echo '* * * * * date > ~/ran' | crontab -u m.durand -")
    applied = practice.rempart("apply", inventory, "--yes")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert "not allowed" in host.run("runuser -u m.durand -- crontab -l", check=False).stderr
    host.run("until [ -e /home/m.durand/ran ]; do sleep 1; done", timeout_s=120)
    practice.edit(inventory, lambda data: data["people"][0].update(scheduled_jobs=True))
    applied = practice.rempart("apply", inventory, "--yes")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert "ran" in host.run("runuser -u m.durand -- crontab -l").stdout
