"""The wall clock jumps by an hour in the window: the guard goes by the time since boot.

A container has its machine's clock, which a test must not set. `clock_jump.c`, preloaded by all of
the host's processes, moves what they are told instead. Not covered: what only the kernel can tell
(timers on the real-time clock that are cancelled when it is set, timestamps of files).
"""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest
from patient import (
    WINDOW_S,
    Patient,
    assert_a_clean_run_succeeds,
    assert_as_before,
    wait_until,
)

from lab.requirements import program
from rempart.engine.guard import GRACE_S

LIBRARY = "/usr/lib/clock-jump.so"
INITS_CLOCK = """
systemd-run -q --unit=clock --remain-after-exit true
date -d "$(systemctl show --value -p ActiveEnterTimestamp clock)" +%s
systemctl stop clock
"""


@pytest.fixture
def jumper(patient: Patient) -> Patient:
    """A patient whose wall clock is a file."""
    source, library = Path(__file__).with_name("clock_jump.c"), patient.host.folder / "clock.so"
    subprocess.run([program("cc"), "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
    shutil.copy(library, f"{patient.host.folder}/root{LIBRARY}")
    patient.host.run(f"echo {LIBRARY} > /etc/ld.so.preload; echo 0 > /etc/clock-jump")
    patient.host.reboot()
    patient.host.run("umask 077; mkdir -p /run/rempart/pending")
    patient.before = patient.snapshot()
    return patient


@pytest.mark.parametrize("jump_s", [3600, -3600])
def test_clock_that_jumps_in_the_window_moves_no_deadline(jumper: Patient, jump_s: int) -> None:
    run = jumper.apply("proof_never_ends")
    wait_until(lambda: jumper.has("switched"), 60, run)
    jumper.host.run(f"echo {jump_s} > /etc/clock-jump")
    for clock in ("date +%s", INITS_CLOCK):  # a process's own, and systemd's
        off_s = int(jumper.host.run(clock).stdout) - time.time()
        assert abs(off_s - jump_s) < 60
    assert jumper.is_armed()
    wait_until(jumper.is_back, WINDOW_S + GRACE_S)

    assert jumper.logs_in()
    assert_as_before(jumper, besides="/etc/clock-jump")
    run.kill()
    run.wait()
    jumper.age_lock()
    assert_a_clean_run_succeeds(jumper)
