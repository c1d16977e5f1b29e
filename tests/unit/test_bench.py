"""What the benchmark's peers are given, and that a run that does not count is not counted."""

from __future__ import annotations

import ast
import json
import shlex
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bench.contestants import PREPARE
from bench.contestants.base import Contestant
from bench.field import Field, Target
from bench.measure import Done, Sample, median, run
from lab.host import Host
from lab.requirements import program
from lab.topology import spare
from rempart.hardening import desired
from rempart.policy import Traits, load
from rempart.resources import (
    Ageing,
    Interfaces,
    Package,
    Pam,
    Permission,
    Resource,
    Roster,
    Unit,
    User,
)

CABINET = Path(__file__).parents[1] / "golden" / "policy" / "cabinet.yaml"
TRAITS = Traits(
    os="debian", release="12", codename="bookworm", arch="amd64", virtualisation="none",
    memory="standard", desktop="none", locale="fr_FR.UTF-8",
)  # fmt: skip
COST = Sample(1, 1, 1)


def wanted() -> list[Resource]:
    """Return a host's resources without accounts that end, which the bench's practice has not."""
    policy = load(CABINET)
    found = desired(policy, policy.host("poste-12"), TRAITS, date(2026, 11, 22))
    return [each for each in found if not (isinstance(each, User) and each.until)]


@pytest.fixture
def field(tmp_path: Path) -> Field:
    targets = [Target(f"h{n}", Host(spare(100 + n, "debian-12")), "") for n in (1, 2)]
    return Field(tmp_path, CABINET, targets, "rempart", tmp_path / "key", wanted())


def contestant(field: Field, name: str) -> Contestant:
    return PREPARE[name](field)


def own_steps(field: Field) -> list[Resource]:
    """Return what each peer must have a step for: what it has a module for, mere reloads apart."""
    return [
        each
        for each in field.desired
        if not isinstance(each, Package | Permission | Interfaces | Roster)
        if not (isinstance(each, Unit) and each.only_reloads)
    ]


def play(field: Field) -> dict[str, Any]:
    playbook = contestant(field, "ansible").folder / "playbook.json"
    (only,) = json.loads(playbook.read_text())
    return dict(only)


def test_pyinfra_is_given_an_operation_for_each_resource(field: Field) -> None:
    text = (contestant(field, "pyinfra").folder / "deploy.py").read_text()
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    names = [word.value for call in calls for word in call.keywords if word.arg == "name"]
    wanted = [each.label for each in own_steps(field) if not isinstance(each, Ageing)]
    assert [ast.literal_eval(name) for name in names] == wanted


def test_ansible_is_given_a_task_for_each_resource(field: Field) -> None:
    accounts = [each.login for each in field.desired if isinstance(each, User)]
    wanted = [
        each.label
        for each in own_steps(field)
        if not (isinstance(each, Ageing) and each.login in accounts)
    ]
    assert [task["name"] for task in play(field)["tasks"] if "name" in task] == wanted


def test_ansible_sets_up_an_account_and_its_password_s_age_at_once(field: Field) -> None:
    ages = {each.login: each.max_days for each in field.desired if isinstance(each, Ageing)}
    tasks = [task.get("ansible.builtin.user", {}) for task in play(field)["tasks"]]
    given = {
        task["name"]: task["password_expire_max"] for task in tasks if "password_expire_max" in task
    }
    assert given == ages
    assert "root" in given  # who has no step of his own otherwise


def test_ansible_switches_a_unit_off_only_where_there_is_one(field: Field) -> None:
    """Its module fails where the unit is not there, also with --check: so the host is asked."""
    tasks = play(field)["tasks"]
    (question,) = [task for task in tasks if task.get("register") == "found"]
    argv = question["ansible.builtin.command"]["argv"]
    unwanted = [each for each in field.desired if isinstance(each, Unit) and each.running is False]
    assert "rpcbind.service" in [unit.unit for unit in unwanted]
    for unit in unwanted:
        (task,) = [task for task in tasks if task.get("name") == unit.label]
        assert task["when"] == f"'{unit.unit}' in found.stdout"
        assert unit.unit in argv


def test_ansible_enables_all_pam_profiles_once_one_has_changed(field: Field) -> None:
    profiles = [each for each in field.desired if isinstance(each, Pam)]
    notified = [task for task in play(field)["tasks"] if task.get("notify") == "pam-auth-update"]
    assert [task["name"] for task in notified] == [each.label for each in profiles]
    (handler,) = [each for each in play(field)["handlers"] if each["name"] == "pam-auth-update"]
    assert handler["ansible.builtin.command"]["argv"][3:] == [each.name for each in profiles]


def test_ansible_restarts_what_knows_no_reload(field: Field) -> None:
    states = {
        each["name"]: each["ansible.builtin.systemd_service"]["state"]
        for each in play(field)["handlers"]
        if each["name"] != "pam-auth-update"
    }
    assert states["systemd-journald.service"] == "restarted"
    assert states["ssh.service"] == "reloaded"


@pytest.mark.parametrize("name", ["pyinfra", "ansible"])
def test_a_peer_is_given_all_packages(field: Field, name: str) -> None:
    file = {"pyinfra": "deploy.py", "ansible": "playbook.json"}[name]
    text = (contestant(field, name).folder / file).read_text()
    assert [r.key for r in field.desired if isinstance(r, Package) and r.key not in text] == []


def test_ansible_counts_when_no_host_would_change(field: Field) -> None:
    assert judged(field, "ansible", 0, recap("changed=0", "changed=0")) == ""


@pytest.mark.parametrize(
    ("returncode", "lines"),
    [
        (0, ("changed=1", "changed=0")),
        (0, ("changed=0",)),  # a host that Ansible lost on the way
        (4, ("changed=0", "changed=0")),
        (0, ("changed=0 failed=1", "changed=0")),
    ],
)
def test_ansible_does_not_count(field: Field, returncode: int, lines: tuple[str, ...]) -> None:
    assert judged(field, "ansible", returncode, recap(*lines))


def recap(*lines: str) -> str:
    hosts = (f"h{n} : ok=9 {line} unreachable=0 failed=0\n" for n, line in enumerate(lines, 1))
    return f"PLAY RECAP ****\n{''.join(hosts)}"


def test_pyinfra_counts_when_no_operation_has_a_host(field: Field) -> None:
    assert judged(field, "pyinfra", 0, pyinfra_plan([]), connected("h1", "h2")) == ""


def test_pyinfra_does_not_count_with_a_change_or_a_lost_host(field: Field) -> None:
    assert judged(field, "pyinfra", 0, pyinfra_plan(["h2"]), connected("h1", "h2"))
    assert judged(field, "pyinfra", 0, pyinfra_plan([]), connected("h1"))
    assert judged(field, "pyinfra", 1, pyinfra_plan([]), connected("h1", "h2"))


def pyinfra_plan(hosts: list[str]) -> str:
    return json.dumps({"plan": [{"name": "Write x", "hosts_with_change": hosts}]})


def connected(*names: str) -> str:
    return "".join(f"    [{name}] Connected\n" for name in names)


def test_rempart_counts_when_all_hosts_are_as_wanted(field: Field) -> None:
    assert judged(field, "rempart", 0, "0 changes, 2 of 2 hosts as wanted\n") == ""
    assert judged(field, "rempart", 2, "1 change, 1 of 2 hosts as wanted\n")


def test_openssh_does_not_count_without_whole_answers(field: Field) -> None:
    floor = contestant(field, "openssh_fat")
    for name in ("h1", "h2"):
        (floor.folder / f"{name}.answer").write_text("group\tsudo\t27\n")
    assert floor.nothing_to_do(Done(COST, 0, "", ""), field.targets) == "h1; h2"


def judged(field: Field, name: str, returncode: int, stdout: str, stderr: str = "") -> str:
    done = Done(COST, returncode, stdout, stderr)
    return contestant(field, name).nothing_to_do(done, field.targets)


def test_a_run_is_measured_with_what_it_started(tmp_path: Path) -> None:
    child = [sys.executable, "-c", "b'x' * 60_000_000"]
    done = run([program("sh"), "-c", f"{shlex.join(child)}; exit 3"], tmp_path, {})
    assert done.returncode == 3
    assert 60 < done.sample.peak_mb < 100
    assert done.sample.cpu_s > 0
    assert done.sample.wall_s > 0


def test_medians_are_taken_each_for_itself() -> None:
    samples = [Sample(1, 30, 5), Sample(2, 10, 5), Sample(9, 20, 6)]
    assert median(samples) == Sample(2, 20, 5)
