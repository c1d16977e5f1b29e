"""The main job from end to end: two stock hosts with a past, hardened, proven, broken, given back.

The tests are the steps of one way, in this order; a step that fails takes later ones with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import practice
import pytest
import upkeep
from breaks import BREAKS, broken, findings
from hostile import SHELLS, assert_harmless, be_itself, limited, pervert
from original import PAST, assert_same, snapshot, wait_until_gone

from lab import secret
from lab.host import Host
from lab.session import Session
from scores import openscap

REPOSITORY = Path(__file__).parents[3]
DROP_IN = "/etc/ssh/sshd_config.d/00-rempart.conf"

TRIED = {
    "password logins are back": "b",
    "a stranger has a key": "a",
    "no rules at all": "b",
    "an unknown program is reached": "a",
    "everybody has jobs": "b",
    "core dumps are back": "a",
}
"""Breaks, by name, and the host on which each is tried."""


@dataclass
class Journey:
    """`t/a`, a Debian 12 SFTP server, and behind it `t/b`, a Debian 13 workstation."""

    inventory: Path
    hosts: dict[str, Host]
    before: dict[str, list[str]]

    @property
    def plan_file(self) -> Path:
        return self.inventory.with_name("plan.json")

    def rempart(self, command: str, *arguments: object, **more: object) -> CompletedProcess[str]:
        """Run `rempart` from a folder that is no checkout."""
        return practice.rempart(command, *arguments, cwd=self.inventory.parent, **more)

    def verify(self, *arguments: object) -> dict[str, dict[str, list[str]]]:
        """Return what is red on each host, by control."""
        done = self.rempart("verify", self.inventory, "--json", *arguments)
        result = json.loads(done.stdout)
        red = {name: findings(records) for name, records in result["hosts"].items()}
        assert result["ok"] == (not any(red.values())) == (done.returncode == 0), done.stderr
        return red


@pytest.fixture(scope="module")
def journey(lab: Session, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    with ExitStack() as stack:
        hosts = {"a": lab.fresh_host("debian-12"), "b": lab.fresh_host("debian-13")}
        for host in hosts.values():
            stack.callback(host.remove)
            host.run(PAST)
        # An auditor, who comes before rempart: so that nothing but rempart changes the host.
        hosts["a"].run(f"apt-get -q -y install --no-install-recommends {openscap.PACKAGE}")
        openscap.bring_content(hosts["a"])
        inventory = practice.write(
            tmp_path_factory.mktemp("journey"),
            hosts,
            jumps={"b": "a"},
            roles={"a": "sftp_server"},
            people=[practice.MARIE],
            services=[{"name": "http", "ports": [80], "hosts": ["a"], "from": ["10.77.0.0/24"]}],
        )
        practice.edit(inventory, lambda data: data.update(baseline="enhanced"))
        yield Journey(inventory, hosts, {name: snapshot(host) for name, host in hosts.items()})


@pytest.mark.parametrize("name", ["a", "b"])
def test_stock_host_is_enrolled_by_its_password(journey: Journey, name: str) -> None:
    host = journey.hosts[name]
    done = journey.rempart(
        "enroll", journey.inventory, name, "--fingerprint", secret.fingerprint(host.spec),
        "--password-file", "-", stdin=f"{host.admin_password}\n",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"t/{name}: enrolled" in done.stdout


def test_plan_says_what_would_change_and_changes_nothing(journey: Journey) -> None:
    done = journey.rempart("plan", journey.inventory, "-o", journey.plan_file)
    assert done.returncode == 2, done.stdout + done.stderr
    assert f"Write {DROP_IN} [SS-1" in done.stdout
    for host in journey.hosts.values():
        assert host.run("ls -A /var/lib/rempart /etc/rempart", check=False).stdout == ""


def test_apply_makes_that_plan(journey: Journey) -> None:
    done = journey.rempart("apply", journey.plan_file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_verify_is_green(journey: Journey) -> None:
    assert journey.verify() == {"t/a": {}, "t/b": {}}


def test_plan_is_empty(journey: Journey) -> None:
    assert practice.planned(journey.inventory) == {"t/a": {}, "t/b": {}}


@pytest.mark.parametrize("name", TRIED)
def test_break_is_seen_by_name(journey: Journey, name: str) -> None:
    (broken_by,) = [each for each in (*BREAKS, *upkeep.BREAKS) if each.name == name]
    host = TRIED[name]
    with broken(journey.hosts[host], broken_by.do, broken_by.mend):
        controls = [word for control in sorted(broken_by.red) for word in ("--control", control)]
        red = journey.verify("--host", host, *controls)
    assert red[f"t/{host}"].keys() == broken_by.red, red


def test_auditor_finds_nothing_at_anssi_s_minimal_level(journey: Journey) -> None:
    rules = openscap.evaluate(journey.hosts["a"], "minimal")
    assert openscap.findings(rules) == []
    assert openscap.count(rules)["pass"] >= 30


def test_hostile_host_is_its_own_error_alone(journey: Journey) -> None:
    pervert(journey.hosts["b"], SHELLS["escape sequences"])
    try:
        done = journey.rempart("plan", journey.inventory, preexec_fn=limited)
    finally:
        be_itself(journey.hosts["b"])
    assert_harmless(done)
    assert done.returncode == 1
    assert done.stderr.startswith("rempart: t/b: ")
    assert done.stdout == "0 changes, 1 of 2 hosts as wanted, 1 NOT PLANNED\n"


def test_plain_pyinfra_mends_what_drifted_under_the_guard(journey: Journey) -> None:
    guarded = "cat /var/lib/rempart/guard/run; ls /var/lib/rempart/guard"
    before = [host.run(guarded, check=False).stdout for host in journey.hosts.values()]
    for host in journey.hosts.values():
        host.run(f"sed -i 's/^PasswordAuthentication no/PasswordAuthentication yes/' {DROP_IN}")
    done = practice.run(
        "pyinfra", REPOSITORY / "inventories/fleet.py", REPOSITORY / "deploys/site.py", "-y",
        cwd=journey.inventory.parent,
        env={"PATH": "/usr/bin:/bin", "REMPART_INVENTORIES": str(journey.inventory)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    for host in journey.hosts.values():
        assert "passwordauthentication no" in host.run("sshd -T").stdout.splitlines()
        run, _, *marks = host.run(guarded).stdout.splitlines()
        assert marks == ["confirmed", "run"]
        assert run not in before.pop(0)
    assert practice.planned(journey.inventory) == {"t/a": {}, "t/b": {}}


def test_release_gives_the_hosts_back_as_they_were(journey: Journey) -> None:
    done = journey.rempart("release", journey.inventory, "a", "b", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    for name, host in journey.hosts.items():
        wait_until_gone(host)
        assert_same(journey.before[name], snapshot(host))
