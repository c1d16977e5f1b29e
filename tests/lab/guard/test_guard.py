"""The guard on real hosts: whatever a change does to the way in, the host comes back as it was."""

from __future__ import annotations

import time

import practice
import pytest
from patient import (
    WINDOW_S,
    Patient,
    assert_a_clean_run_succeeds,
    assert_as_before,
    wait_until,
)


@pytest.mark.parametrize("fault", ["sshd_config_is_invalid", "firewall_rules_are_invalid"])
def test_change_that_its_checker_refuses_is_never_made(patient: Patient, fault: str) -> None:
    run = patient.apply(fault, window_s=300)
    said, _ = run.communicate(timeout=120)

    assert run.returncode == 1
    assert "its own checker refuses the new content" in said
    assert "refused; nothing guarded was changed" in said
    assert patient.logs_in()
    assert_as_before(patient)
    assert_a_clean_run_succeeds(patient)


def test_confirmed_change_is_never_undone(patient: Patient) -> None:
    done = practice.rempart("apply", patient.inventory, "--yes", "--window", "30")
    assert done.returncode == 0, done.stderr
    kept = patient.snapshot()
    time.sleep(33)
    assert patient.snapshot() == kept
    patient.host.reboot()
    assert patient.logs_in()
    plan = practice.rempart("plan", patient.inventory)
    assert plan.returncode == 0, plan.stdout


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
