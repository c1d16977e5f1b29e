"""Run one command and tell what it cost: ``stopwatch.py REPORT COMMAND…``.

A process of its own: on Linux a child's peak memory starts with what its parent had when it was
started, and this parent is small. It imports only what it needs, for that reason.
"""

import json
import os
import sys
import time

report, *command = sys.argv[1:]
began = time.monotonic()
child = os.posix_spawnp(command[0], command, os.environ)
_, status, usage = os.wait4(child, 0)  # its waited-for children included
wall_s = time.monotonic() - began
with open(report, "w") as file:  # noqa: PTH123  (pathlib would cost memory and time)
    sample = {
        "wall_s": wall_s,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss * 1024 / 1e6,
    }
    json.dump(sample, file)
sys.exit(os.waitstatus_to_exitcode(status) & 255)
