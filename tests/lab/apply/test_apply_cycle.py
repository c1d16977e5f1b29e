"""Stock hosts to hardened ones: plan, apply, both again; and what an observation costs."""

from __future__ import annotations

import json

import practice
from cabinet import Cabinet

from lab.host import Host


def sessions(host: Host, cursor: str) -> list[str]:
    """Return what sshd logged of sessions since a place in the journal; needs LogLevel VERBOSE."""
    said = host.run(f"journalctl --sync; journalctl -o cat --after-cursor '{cursor}' -t sshd")
    more = host.run(f"journalctl -o cat --after-cursor '{cursor}' -t sshd-session")
    lines = (said.stdout + more.stdout).splitlines()
    return [line for line in lines if "Starting session" in line or "subsystem request" in line]


def cursor(host: Host) -> str:
    """Return the place at which the host's journal ends now."""
    shown = host.run("journalctl --sync; journalctl -n 1 --show-cursor -o cat").stdout
    return shown.rpartition("-- cursor: ")[2].strip()


def test_plan_of_stock_hosts_exits_with_2_and_shows_diffs(cabinet: Cabinet) -> None:
    plan = cabinet.story["first plan"]
    assert plan.returncode == 2, plan.stderr
    assert "Write /etc/ssh/sshd_config.d/00-rempart.conf [SS-1, SS-2] (guarded)" in plan.stdout
    assert "    +PasswordAuthentication no" in plan.stdout
    assert "    --- /etc/apt/apt.conf.d/52rempart" in plan.stdout
    assert "0 of 2 hosts as wanted" in plan.stdout.splitlines()[-1]


def test_plan_shows_a_change_of_several_hosts_once(cabinet: Cabinet) -> None:
    label = "Write /etc/apt/apt.conf.d/52rempart"
    lines = [line for line in cabinet.story["first plan"].stdout.splitlines() if label in line]
    assert lines == [f"{label} [UP-1, UP-2] on all 2 hosts"]


def test_apply_of_the_plan_makes_its_changes_and_exits_with_0(cabinet: Cabinet) -> None:
    apply = cabinet.story["first apply"]
    assert apply.returncode == 0, apply.stdout + apply.stderr
    assert apply.stderr == ""
    for name in ("t/a", "t/b"):
        assert f"{name}: " in apply.stdout
    assert "FAILED" not in apply.stdout


def test_hosts_are_hardened_by_their_own_word(cabinet: Cabinet) -> None:
    for host in cabinet.hosts.values():
        assert "passwordauthentication no" in host.run("sshd -T").stdout.splitlines()
        assert "policy drop" in host.run("nft list chain inet rempart input").stdout
        assert host.run("systemctl is-active apt-daily-upgrade.timer").stdout == "active\n"
        assert "rempart-ssh" in host.run("id -nG m.durand").stdout.split()
        assert host.run("ls -A /etc/ssh/authorized_keys.d").stdout.split() == [
            "m.durand", "rempart", "t.leroy",
        ]  # fmt: skip


def test_plan_after_apply_is_empty_and_exits_with_0(cabinet: Cabinet) -> None:
    plan = cabinet.story["second plan"]
    assert (plan.returncode, plan.stdout) == (0, "0 changes, 2 of 2 hosts as wanted\n")


def test_second_apply_changes_nothing(cabinet: Cabinet) -> None:
    apply = cabinet.story["second apply"]
    assert apply.returncode == 0, apply.stderr
    assert apply.stdout == "t/a: 0 changes made\nt/b: 0 changes made\n"


def test_nothing_of_the_guard_is_left(cabinet: Cabinet) -> None:
    for host in cabinet.hosts.values():
        guard = "/var/lib/rempart/guard"
        files = f"{guard}/armed {guard}/stage {guard}/old /etc/systemd/system/rempart-guard*"
        timers = "systemctl list-timers --all --no-legend 'rempart-guard*'"
        left = host.run(f"ls -d {files} /run/rempart/pending/* 2>/dev/null; {timers}", check=False)
        assert left.stdout == ""


def test_observing_costs_one_command_on_each_host(cabinet: Cabinet) -> None:
    """`t/b` is reached through `t/a`: forwarding opens no session on the jump host."""
    before = {name: cursor(host) for name, host in cabinet.hosts.items()}
    assert practice.planned(cabinet.inventory) == {"t/a": {}, "t/b": {}}
    for name, host in cabinet.hosts.items():
        lines = sessions(host, before[name])
        assert len(lines) == 1, lines
        assert "Starting session: command for rempart" in lines[0]


def test_observing_one_host_leaves_the_others_alone(cabinet: Cabinet) -> None:
    before = cursor(cabinet.b)
    assert practice.planned(cabinet.inventory, "--host", "a") == {"t/a": {}}
    assert sessions(cabinet.b, before) == []


def test_json_of_plan_and_apply_is_one_document(cabinet: Cabinet) -> None:
    plan = practice.rempart("plan", cabinet.inventory, "--json")
    assert [host["changes"] for host in json.loads(plan.stdout)["hosts"]] == [[], []]
    apply = practice.rempart("apply", cabinet.inventory, "--json", "--yes")
    assert [(host["host"], host["changed"]) for host in json.loads(apply.stdout)] == [
        ("t/a", []),
        ("t/b", []),
    ]
