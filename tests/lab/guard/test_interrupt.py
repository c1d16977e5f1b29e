"""Ctrl-C, an end of the session, a closed terminal: the run's last words are true."""

from __future__ import annotations

import signal

import pytest
from patient import (
    WINDOW_S,
    Patient,
    assert_a_clean_run_succeeds,
    assert_as_before,
    wait_until,
)

from rempart.engine.guard import GRACE_S


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupt_in_the_window_says_what_becomes_of_the_host(
    patient: Patient, ending: signal.Signals
) -> None:
    run = patient.apply("proof_never_ends")
    wait_until(lambda: patient.has("switched"), 60, run)
    run.send_signal(ending)
    said, _ = run.communicate(timeout=120)

    assert run.returncode == 1
    assert "Traceback" not in said
    assert (
        "t/a: interrupted at: guarded changes; what of the guarded part was made and not confirmed,"
        f" the host undoes by itself within {WINDOW_S + GRACE_S} s; plan again" in said
    )
    assert not patient.has_lock()
    wait_until(patient.is_back, WINDOW_S + GRACE_S)
    assert patient.logs_in()
    assert_as_before(patient)
    assert_a_clean_run_succeeds(patient)
