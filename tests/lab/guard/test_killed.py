"""The controller is killed after every command that an apply sends.

`commands.txt` names these commands, for a stock Debian 12 workstation. The host ends as it was, or
changed and confirmed, and the next plan says which.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import practice
import pytest
from patient import (
    WINDOW_S,
    Patient,
    assert_a_clean_run_succeeds,
    assert_as_before,
    enrolled,
    wait_until,
)

from lab.host import Host
from rempart.engine.guard import GRACE_S

COMMANDS = Path(__file__).with_name("commands.txt").read_text().splitlines()
GUARDED = ["observe", "observe", *COMMANDS[COMMANDS.index("guard_open") :]]
SLOW_S = 60
"""What a busy machine may take until a switch that was sent has armed the host."""

BEFORE_THE_SWITCH = GUARDED[: GUARDED.index("guard_switch")]


def killed(patient: Patient, moment: str, command: str) -> str:
    """Apply with a controller that dies then; return what it was at."""
    said, _ = patient.apply(f"dies:{moment}:{command}").communicate(timeout=300)
    (line,) = [line for line in said.splitlines() if line.startswith("dies at: ")]
    assert patient.runs[-1].returncode == -signal.SIGKILL, said
    assert "Traceback" not in said
    assert patient.logs_in()
    if patient.has_lock():
        patient.age_lock()
    return line.removeprefix("dies at: ")


def plan(patient: Patient) -> tuple[int, str]:
    done = practice.rempart("plan", patient.inventory)
    return done.returncode, done.stdout + done.stderr


def test_controller_killed_before_the_guard_leaves_no_step_half_made(
    fresh_host: Callable[..., Host], tmp_path: Path
) -> None:
    """What a killed run has done is done for the next, whose third command is then a new one."""
    patient = enrolled(fresh_host(), tmp_path)
    passed = [killed(patient, "answered", "1"), killed(patient, "answered", "2")]
    while "guard_open" not in passed:
        moment = "sent" if passed[-1].startswith("write_state manifest") else "answered"
        passed.append(killed(patient, moment, "3"))
        if passed[-1] == "packages":  # killed in the middle of it: apt goes on, alone
            assert patient.is_busy()
            refused = practice.rempart("apply", patient.inventory, "--yes")
            assert refused.returncode == 1
            assert "a command of it runs now" in refused.stderr
            wait_until(lambda: not patient.is_busy(), 300)
            passed.append("observe")  # which the killed run did not live to send
            patient.age_lock()
        code, said = plan(patient)
        assert code == 2, said
    assert not patient.is_armed()
    names = tmp_path / "names"
    last, _ = patient.apply(f"commands_are_noted:{names}").communicate(timeout=300)
    assert patient.runs[-1].returncode == 0, last
    assert passed + names.read_text().splitlines()[3:] == COMMANDS
    assert plan(patient)[0] == 0


def test_controller_killed_before_the_switch_changes_nothing(patient: Patient) -> None:
    moments = ("answered", "sent", "sending")
    for number, command in enumerate(BEFORE_THE_SWITCH, 1):
        for moment in moments if command != "observe" else moments[:1]:
            assert killed(patient, moment, str(number)) == command
            # What was sent whole is carried out, and its run was at work until then.
            wait_until(lambda: not patient.is_busy(), SLOW_S)
            patient.age_lock()
    assert not patient.is_armed()
    assert_as_before(patient)
    code, said = plan(patient)
    assert code == 2, said
    assert_a_clean_run_succeeds(patient)


@pytest.mark.parametrize(
    ("moment", "command", "outcomes"),
    [
        ("sending", "guard_switch", {"as before"}),
        ("sent", "guard_switch", {"as before"}),
        ("answered", "guard_switch", {"as before"}),
        ("sending", "guard_confirm", {"as before"}),
        # Its session may end before sudo has read it all.
        ("sent", "guard_confirm", {"as before", "kept"}),
        ("answered", "guard_confirm", {"kept"}),
        ("sending", COMMANDS[-1], {"kept"}),
        ("sent", COMMANDS[-1], {"kept"}),
        ("answered", COMMANDS[-1], {"kept"}),
    ],
)
def test_controller_killed_in_the_guarded_part_leaves_one_of_two_states(
    patient: Patient, moment: str, command: str, outcomes: set[str]
) -> None:
    killed(patient, moment, command)
    if (moment, command) == ("answered", "guard_switch"):
        assert patient.is_armed()
        code, said = plan(patient)
        assert code == 1
        assert "is not confirmed yet, its guard is armed; wait for it" in said
    if (moment, command) == ("sending", "guard_switch"):
        assert not patient.is_armed()
    else:
        wait_until(patient.is_settled, WINDOW_S + GRACE_S + SLOW_S)

    outcome = "kept" if patient.has("confirmed") else "as before"
    assert outcome in outcomes
    assert patient.logs_in()
    code, said = plan(patient)
    if outcome == "kept":
        assert code == 0, said
    else:
        assert code == 2, said
        assert_as_before(patient)
    assert_a_clean_run_succeeds(patient)
