"""The guard on real hosts: whatever a change does to the way in, the host comes back as it was."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import practice
import pytest
from patient import (
    WINDOW_S,
    Patient,
    assert_a_clean_run_succeeds,
    assert_as_before,
    wait_until,
)

from lab.host import Host
from rempart.engine.guard import GRACE_S
from rempart.engine.remote import shell


@pytest.mark.parametrize(
    "fault",
    [
        "firewall_forgets_ssh",
        "firewall_cuts_everything",
        "sshd_wants_another_group",
        "sshd_reads_keys_elsewhere",
    ],
)
def test_lock_out_ends_by_itself_and_leaves_nothing(patient: Patient, fault: str) -> None:
    run = patient.apply(fault)
    wait_until(patient.is_armed, 60, run)
    armed = time.monotonic()

    wait_until(lambda: not patient.logs_in(), WINDOW_S)  # the fault is a real one
    wait_until(patient.logs_in, WINDOW_S + GRACE_S)
    took = time.monotonic() - armed
    said, _ = run.communicate(timeout=60)

    assert took < WINDOW_S + GRACE_S
    assert run.returncode == 1
    assert "the host put everything back by itself and was reachable again after" in said
    assert "t/a: FAILED" in said
    assert_as_before(patient)
    assert_a_clean_run_succeeds(patient)


@pytest.mark.parametrize("after_s", [0, 4])
def test_controller_killed_in_the_window_leaves_the_host_as_before(
    patient: Patient, after_s: int
) -> None:
    run = patient.apply("proof_never_ends")
    wait_until(patient.is_armed, 60, run)
    armed = time.monotonic()
    time.sleep(after_s)
    os.killpg(run.pid, signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL
    assert patient.is_armed()  # killed inside the window

    wait_until(patient.is_back, WINDOW_S + GRACE_S)

    assert time.monotonic() - armed < WINDOW_S + GRACE_S
    assert patient.logs_in()
    assert_as_before(patient)
    assert_a_clean_run_succeeds(patient)


@pytest.mark.parametrize("fault", ["sshd_config_is_invalid", "firewall_rules_are_invalid"])
def test_change_that_its_checker_refuses_is_never_made(patient: Patient, fault: str) -> None:
    run = patient.apply(fault, window_s=300)
    said, _ = run.communicate(timeout=120)

    assert run.returncode == 1
    assert "its own checker refuses the new content; nothing guarded was changed" in said
    assert patient.logs_in()
    assert_as_before(patient)
    assert_a_clean_run_succeeds(patient)


def test_power_cut_in_the_window_is_undone_before_sshd_starts(patient: Patient) -> None:
    patient.host.reboot()
    patient.before = patient.snapshot()
    run = patient.apply("sshd_wants_another_group", window_s=300)
    wait_until(lambda: patient.has("switched"), 60, run)
    patient.host.kill()
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()

    patient.host.boot()

    assert patient.logs_in()
    journal = patient.host.run("journalctl -b -o cat --no-pager").stdout
    assert journal.index("everything is as before") < journal.index("Server listening")
    assert_as_before(patient)
    assert_a_clean_run_succeeds(patient)


def test_confirmed_change_is_never_undone(patient: Patient) -> None:
    done = practice.rempart("apply", patient.inventory, "--yes", "--window", "10")
    assert done.returncode == 0, done.stderr
    kept = patient.snapshot()
    time.sleep(13)
    assert patient.snapshot() == kept
    patient.host.reboot()
    assert patient.logs_in()
    plan = practice.rempart("plan", patient.inventory)
    assert plan.returncode == 0, plan.stdout


def test_second_controller_stops_at_an_armed_guard(patient: Patient) -> None:
    first = patient.apply("proof_never_ends", window_s=20)
    wait_until(lambda: patient.has("switched"), 60, first)

    second = practice.rempart("apply", patient.inventory, "--yes")

    assert second.returncode == 1
    assert "armed" in second.stderr
    assert "wait for it" in second.stderr
    os.killpg(first.pid, signal.SIGKILL)
    wait_until(patient.is_back, 20 + GRACE_S)
    assert_as_before(patient)


@pytest.mark.parametrize("left_kib", [0, 24])
def test_full_disk_changes_nothing(patient: Patient, left_kib: int) -> None:
    patient.own_filesystem_for_state()
    run = patient.apply(f"disk_fills_up:{left_kib}")
    said, _ = run.communicate(timeout=120)

    assert run.returncode == 1
    assert "the guard could not be armed; nothing was changed" in said
    patient.host.run("rm /var/lib/rempart/filler")
    assert_as_before(patient)
    assert_a_clean_run_succeeds(patient)


def test_copies_wait_on_the_filesystem_of_what_they_are_of(patient: Patient) -> None:
    patient.own_filesystem_for_state()
    run = patient.apply("sshd_wants_another_group")
    wait_until(lambda: patient.has("switched"), 60, run)
    assert patient.host.run("ls -A /etc").stdout.count(".rempart-guard.")
    said, _ = run.communicate(timeout=60)
    assert "the host put everything back by itself" in said
    assert_as_before(patient)
    assert_a_clean_run_succeeds(patient)
    assert not patient.host.run("find / -xdev -name '.rempart*'").stdout


def test_tables_of_others_survive_revert_and_apply(patient: Patient) -> None:
    for words in (
        "table inet other",
        "chain inet other c '{ type filter hook input priority 9; }'",
        "rule inet other c tcp dport 9999 drop",
    ):
        patient.host.run(f"nft add {words}")
    table = patient.host.run("nft -s list table inet other").stdout
    patient.before = patient.snapshot()
    said, _ = patient.apply("firewall_forgets_ssh").communicate(timeout=90)
    assert "the host put everything back by itself" in said
    assert_as_before(patient)
    assert_a_clean_run_succeeds(patient)
    assert patient.host.run("nft -s list table inet other").stdout == table


def test_host_behind_a_jump_host_comes_back_over_it(neighbour: Patient) -> None:
    patient = neighbour
    assert patient.logs_in()
    run = patient.apply("firewall_forgets_ssh")
    wait_until(patient.is_armed, 60, run)
    wait_until(lambda: not patient.logs_in(), WINDOW_S)
    said, _ = run.communicate(timeout=90)
    assert run.returncode == 1
    assert "the host put everything back by itself" in said
    assert patient.logs_in()
    assert_as_before(patient)
    assert_a_clean_run_succeeds(patient)


def test_host_with_ssh_socket_comes_back_with_it(patient: Patient) -> None:
    patient.host.run("systemctl disable --now ssh.service && systemctl enable --now ssh.socket")
    assert patient.logs_in()
    patient.before = patient.snapshot()
    run = patient.apply("sshd_wants_another_group")
    wait_until(lambda: patient.has("switched"), 60, run)
    assert not patient.logs_in()  # without any reload
    said, _ = run.communicate(timeout=90)
    assert "the host put everything back by itself" in said
    assert patient.logs_in()
    assert_as_before(patient)
    assert_a_clean_run_succeeds(patient)
    assert patient.logs_in()


def test_confirming_and_reverting_at_once_has_one_winner(fresh_host: Callable[..., Host]) -> None:
    host = fresh_host()
    library = "".join(map(shell, ("lib", "tidy", "guard")))
    host.run("mkdir -m 700 /var/lib/rempart; cat > /root/guard.sh", input=library)
    host.run("cat > /root/revert.sh", input=shell("tidy") + shell("revert"))
    race = """
        in_guard() { ( . /root/guard.sh; "$@" ); }
        in_guard guard_open $1 me
        echo 'echo new > /etc/raced' | base64 | in_guard guard_stage $1 0 path:/etc/raced
        base64 /root/revert.sh | in_guard guard_switch $1 60 nonce >/dev/null
        { sleep $2; in_guard guard_confirm nonce 2>&1 | tail -n1 > /root/answer; } &
        sleep $3; sh /var/lib/rempart/guard/revert timer 2>/dev/null; wait
        cat /root/answer; ls /etc/raced /var/lib/rempart/guard 2>/dev/null; rm -f /etc/raced
    """
    # Either has the lead in turn: none to tell them apart by, then so much that it surely wins.
    lead = ["0", "0.005", "0.01", "0.02", "0.04", "0.08", "2"]
    waits = [f"0 {each}" for each in lead] + [f"{each} 0" for each in lead]
    kept = "confirmed /etc/raced /var/lib/rempart/guard: confirmed run"
    undone = "the host had already put everything back /var/lib/rempart/guard: reverted run"
    outcomes = {
        " ".join(host.run(f"set -- {turn} {wait}; {race}", check=False).stdout.split())
        for turn, wait in enumerate(waits)
    }
    assert outcomes == {kept, undone}
