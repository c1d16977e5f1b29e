"""Under `nohup`, in a background job or not: what tests start can be interrupted."""

from __future__ import annotations

import signal
import subprocess

from lab.requirements import program


def test_what_tests_start_ignores_no_signal_that_ends_it() -> None:
    command = [program("grep"), "SigIgn", "/proc/self/status"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    ignored = int(said.split()[1], 16)  # proc(5): bit n - 1 is signal n
    endings = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    assert [each.name for each in endings if ignored >> (each - 1) & 1] == []
