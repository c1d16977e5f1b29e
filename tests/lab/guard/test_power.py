"""The power goes, or the revert is killed: the host goes on from there, now or at the next boot."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import practice
import pytest
from interruption import STOPPED
from patient import (
    Patient,
    assert_a_clean_run_succeeds,
    assert_as_before,
    wait_until,
)

SLOW_S = 120
"""What a busy machine may take to get to a point, or to boot."""


def stopped_at(patient: Patient, point: str, faults: str = "", window_s: int = 300) -> None:
    """Apply until the host stands still at a point."""
    run = patient.apply(f"{faults}stops:{point}", window_s=window_s)
    reached = f"test -e {STOPPED}"
    wait_until(lambda: patient.host.run(reached, check=False).returncode == 0, SLOW_S, run)


def about_to_reboot(patient: Patient) -> None:
    """What a reboot takes along is not compared."""
    patient.host.run("rm -r /run/rempart")
    patient.before = patient.snapshot()


def power_off_and_on(patient: Patient) -> None:
    patient.host.kill()
    os.killpg(patient.runs[-1].pid, signal.SIGKILL)
    patient.runs[-1].wait()
    patient.host.boot()


@pytest.mark.parametrize(
    ("image", "point"), [("debian-12", "armed"), ("debian-13", "half the switch")]
)
def test_power_cut_while_armed_is_undone_by_the_boot(
    admit: Callable[..., Patient], image: str, point: str
) -> None:
    patient = admit(image)
    about_to_reboot(patient)
    stopped_at(patient, point)
    assert patient.is_armed()
    power_off_and_on(patient)

    assert patient.logs_in()
    assert_as_before(patient)
    assert_a_clean_run_succeeds(patient)


def test_power_cut_after_the_switch_is_undone_before_sshd_starts(patient: Patient) -> None:
    about_to_reboot(patient)
    run = patient.apply("sshd_wants_another_group", window_s=300)
    wait_until(lambda: patient.has("switched"), SLOW_S, run)
    wait_until(lambda: not patient.logs_in(), SLOW_S, run)  # the change bites
    assert patient.is_armed()
    power_off_and_on(patient)

    assert patient.logs_in()
    journal = patient.host.run("journalctl -b -o cat --no-pager").stdout
    assert journal.index("everything is as before") < journal.index("Server listening")
    assert_as_before(patient)
    assert_a_clean_run_succeeds(patient)


def test_power_cut_right_after_the_confirmation_keeps_the_change(patient: Patient) -> None:
    about_to_reboot(patient)
    stopped_at(patient, "confirmed")
    power_off_and_on(patient)

    assert patient.logs_in()
    assert patient.has("confirmed")
    plan = practice.rempart("plan", patient.inventory)
    assert plan.returncode == 0, plan.stdout + plan.stderr
    assert not patient.host.run("find / -xdev -name '.rempart*' -o -name 'rempart-guard*'").stdout
    assert_a_clean_run_succeeds(patient)


@pytest.mark.parametrize(
    "point",
    [
        "revert noted",
        "revert begun",
        "revert, one file back",
        "revert, before the daemons",
        "reverted",
    ],
)
def test_power_cut_in_a_revert_is_made_up_for_by_the_boot(patient: Patient, point: str) -> None:
    about_to_reboot(patient)
    stopped_at(patient, point, faults="sshd_wants_another_group+", window_s=10)
    power_off_and_on(patient)

    assert patient.logs_in()
    assert patient.is_back()
    plan = practice.rempart("plan", patient.inventory)
    assert plan.returncode == 2, plan.stdout + plan.stderr
    assert_as_before(patient)
    assert_a_clean_run_succeeds(patient)


@pytest.mark.parametrize(
    ("image", "point"),
    [("debian-13", "revert, one file back"), ("debian-12", "revert, all but the mark")],
)
def test_killed_revert_starts_again_and_completes(
    admit: Callable[..., Patient], image: str, point: str
) -> None:
    patient = admit(image)
    stopped_at(patient, point, faults="sshd_wants_another_group+", window_s=10)
    patient.host.run("systemctl kill --signal=KILL rempart-guard.service")
    said, _ = patient.runs[-1].communicate(timeout=SLOW_S)

    assert patient.runs[-1].returncode == 1
    assert "the host put everything back by itself" in said
    assert patient.logs_in()
    assert_as_before(patient)
    assert_a_clean_run_succeeds(patient)


def test_switch_that_hangs_is_ended_and_changes_nothing_later(patient: Patient) -> None:
    """Left alone, it would make the rest of its changes after everything was put back."""
    run = patient.apply("stops:half the switch", window_s=10)
    said, _ = run.communicate(timeout=SLOW_S)

    assert run.returncode == 1
    assert "the host put everything back by itself" in said
    assert not patient.host.run("pgrep -f '^sleep 1000'", check=False).stdout
    assert not patient.is_busy()
    assert_as_before(patient)
    assert_a_clean_run_succeeds(patient)
