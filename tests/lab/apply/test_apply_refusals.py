"""What apply and plan refuse, host by host, and that nothing is done then."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import practice
import pytest
from cabinet import Cabinet

from lab.host import Host

DRIFT = "echo '// by hand' >> /etc/apt/apt.conf.d/52rempart"
LABEL = "Write /etc/apt/apt.conf.d/52rempart"


def state(host: Host) -> str:
    """Return all that rempart could change on a host: files with times, and what runs."""
    return host.run(
        "find /etc /var/lib/rempart /run/rempart -printf '%p %m %u %g %T@ %s %i\\n' | sort; "
        "nft list ruleset; systemctl show ssh.service -p MainPID; sysctl -a 2>/dev/null |"
        " grep -E 'redirects|source_route|rp_filter'"
    ).stdout


@pytest.fixture
def cabinet_kept(cabinet: Cabinet) -> Iterator[Cabinet]:
    """The practice; its files and its hosts are put back afterwards."""
    files = [cabinet.inventory, cabinet.inventory.with_name("provider.yaml")]
    texts = [file.read_text() for file in files]
    yield cabinet
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)
    practice.rempart("apply", cabinet.inventory, "--yes")


def one_line(said: str) -> str:
    """Return an error that is one line for people; an AssertionError when it is more, or none."""
    assert said.count("\n") == 1, said
    assert said.startswith("rempart: ")
    assert "Traceback" not in said
    assert "internal error" not in said
    return said


def test_host_that_changed_since_the_plan_is_refused_alone(cabinet_kept: Cabinet) -> None:
    cabinet = cabinet_kept
    for host in cabinet.hosts.values():
        host.run(DRIFT)
    assert cabinet.plan().returncode == 2
    cabinet.a.run("chmod 600 /etc/sysctl.d/60-rempart.conf")
    before = state(cabinet.a)
    done = cabinet.apply()
    assert done.returncode == 1
    error = one_line(done.stderr)
    assert error == (
        "rempart: t/a: has changed since the plan was made; nothing was done; plan again\n"
    )
    assert state(cabinet.a) == before
    assert f"t/b: 1 change made\n    {LABEL}\n" in done.stdout
    assert "by hand" not in cabinet.b.run("cat /etc/apt/apt.conf.d/52rempart").stdout


def test_policy_that_changed_since_the_plan_is_refused(cabinet_kept: Cabinet) -> None:
    cabinet = cabinet_kept
    cabinet.a.run(DRIFT)
    cabinet.plan()
    before = state(cabinet.a)
    practice.edit(cabinet.inventory, lambda policy: policy.update(updates={"reboot": False}))
    done = cabinet.apply()
    assert done.returncode == 1
    assert "has changed since; nothing was done; plan again" in one_line(done.stderr)
    assert state(cabinet.a) == before


def test_host_that_is_not_in_the_plan_is_refused(cabinet_kept: Cabinet) -> None:
    cabinet = cabinet_kept
    cabinet.plan("--host", "a")
    done = cabinet.apply("--host", "b")
    assert done.returncode == 1
    assert one_line(done.stderr) == "rempart: t/b: is not in the plan; plan again\n"


def _drop_the_change(plan: dict[str, Any]) -> None:
    plan["hosts"][0]["changes"] = []


def _rename_the_change(plan: dict[str, Any]) -> None:
    plan["hosts"][0]["changes"][0]["label"] = "Write /etc/motd"


def _hide_the_diff(plan: dict[str, Any]) -> None:
    plan["hosts"][0]["changes"][0]["diff"] = []


@pytest.mark.parametrize("alter", [_drop_the_change, _rename_the_change, _hide_the_diff])
def test_plan_that_shows_other_changes_than_apply_would_make_is_refused(
    cabinet_kept: Cabinet, alter: Callable[[dict[str, Any]], None]
) -> None:
    """A plan of yesterday, when a key was still valid, looks the same."""
    cabinet = cabinet_kept
    cabinet.a.run(DRIFT)
    cabinet.plan("--host", "a")
    plan = json.loads(cabinet.plan_file.read_text())
    alter(plan)
    cabinet.plan_file.write_text(json.dumps(plan))
    before = state(cabinet.a)
    done = cabinet.apply()
    assert done.returncode == 1
    assert "would now make other changes than the plan shows" in one_line(done.stderr)
    assert state(cabinet.a) == before


def test_traits_that_do_not_match_are_refused_with_the_line_to_correct(
    cabinet_kept: Cabinet,
) -> None:
    cabinet = cabinet_kept
    cabinet.a.run(DRIFT)
    practice.edit(
        cabinet.inventory, lambda policy: policy["hosts"][0]["traits"].update(release="13")
    )
    before = state(cabinet.a)
    done = practice.rempart("apply", cabinet.inventory, "--yes")
    assert done.returncode == 1
    error = one_line(done.stderr)
    assert error.startswith(
        "rempart: t/a: t.yaml: hosts[a].traits.release: is '13', the host says otherwise"
        " (got '12'); correct that line"
    )
    assert "t/b: 0 changes made" in done.stdout
    assert state(cabinet.a) == before


def test_management_network_without_the_controller_is_refused(cabinet_kept: Cabinet) -> None:
    cabinet = cabinet_kept
    provider = cabinet.inventory.with_name("provider.yaml")
    practice.edit(provider, lambda data: data.update(management=["192.0.2.0/24"]))
    before = state(cabinet.a)
    done = practice.rempart("apply", cabinet.inventory, "--yes", "--host", "a")
    assert done.returncode == 1
    assert "this connection comes from 10.77.0.1" in one_line(done.stderr)
    assert "add it to management in the provider file" in done.stderr
    assert state(cabinet.a) == before


def test_wrong_inside_address_of_a_jump_host_is_refused(cabinet_kept: Cabinet) -> None:
    cabinet = cabinet_kept
    practice.edit(cabinet.inventory, lambda data: data["hosts"][0].update(inside="10.77.0.98"))
    before = state(cabinet.b)
    done = practice.rempart("apply", cabinet.inventory, "--yes", "--host", "b")
    assert done.returncode == 1
    assert f"this connection comes from {cabinet.a.address}" in one_line(done.stderr)
    assert "add it to hosts[a].inside" in done.stderr
    assert state(cabinet.b) == before
