"""Plain pyinfra sees groups of plain data; nothing is left out in silence."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rempart.errors import RempartError
from rempart.policy.fleet import fleet

from .conftest import PRACTICE

INVENTORIES = Path(__file__).parents[3] / "inventories"


def test_hosts_are_in_the_groups_of_role_and_practice(practice: Path) -> None:
    groups = fleet(practice.parent, {})
    names = {group: [name for name, _ in hosts] for group, hosts in groups.items()}
    assert names == {
        "durand": ["@rempart/durand/ws-1", "@rempart/durand/srv"],
        "workstations": ["@rempart/durand/ws-1"],
        "sftp_servers": ["@rempart/durand/srv"],
    }


def test_data_is_plain_and_names_policy_and_host(practice: Path) -> None:
    _, data = fleet(practice.parent, {})["workstations"][0]
    assert json.loads(json.dumps(data)) == {
        "ssh_hostname": "192.168.1.10",
        "ssh_port": 22,
        "ssh_user": "rempart",
        "ssh_key": str(practice.parent / "keys" / "automation"),
        "rempart_policy": str(practice),
        "rempart_host": "ws-1",
    }


def test_the_variable_names_the_practices_and_no_others(practice: Path) -> None:
    other = practice.with_name("lab.yaml")
    other.write_text(PRACTICE.replace("name: durand", "name: petit"))
    assert "petit" not in fleet(practice.parent, {})
    assert set(fleet(practice.parent, {"REMPART_INVENTORIES": str(other)})) >= {"petit"}
    both = f"{other}:{practice}"
    assert set(fleet(practice.parent, {"REMPART_INVENTORIES": both})) >= {"petit", "durand"}


def test_one_broken_file_refuses_the_whole_fleet(practice: Path) -> None:
    practice.with_name("typo.yaml").write_text(PRACTICE.replace("practice:", "practise:"))
    with pytest.raises(RempartError, match=r"typo.yaml:1: practice: is missing"):
        fleet(practice.parent, {})


def test_two_practices_of_one_name_are_refused(practice: Path) -> None:
    practice.with_name("copy.yaml").write_text(PRACTICE)
    with pytest.raises(RempartError, match=r"practice\.name: is taken already"):
        fleet(practice.parent, {})


@pytest.mark.parametrize("name", ["workstations", "all"])
def test_a_practice_cannot_bear_the_name_of_another_group(practice: Path, name: str) -> None:
    practice.write_text(PRACTICE.replace("name: durand", f"name: {name}"))
    with pytest.raises(RempartError, match=r"practice\.name: is taken already"):
        fleet(practice.parent, {})


def test_a_folder_without_own_practices_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RempartError, match="REMPART_INVENTORIES"):
        fleet(tmp_path, {})


def test_pyinfra_lists_the_fleet_as_json() -> None:
    command = [sys.executable, "-m", "pyinfra", str(INVENTORIES / "fleet.py")]
    ran = subprocess.run(
        [*command, "debug-inventory", "--json"],
        env={"PATH": "/usr/bin:/bin", "REMPART_INVENTORIES": str(INVENTORIES / "example.yaml")},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    hosts = {host["name"]: host for host in json.loads(ran.stdout)}
    assert hosts["cabinet-rivoire/srv-sftp"]["groups"][:2] == ["cabinet-rivoire", "sftp_servers"]
    assert len(hosts) == 5
