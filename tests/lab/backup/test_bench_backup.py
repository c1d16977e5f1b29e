"""The benchmark of backups runs to its end, with little data, and status asks once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]
LITTLE = "--rounds 1 --large 1 --small 50 --repositories 12 --objects 10 --growth 4"


def test_benchmark_gives_its_lines() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.backup", *LITTLE.split()],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["bench"] for line in lines] == ["maintenance", "backup", "backup", "status"]
    upkeep, large, small, status = lines
    assert (upkeep["forgotten"], upkeep["kept"], upkeep["repository_mb"]) == (2, 1, 4)
    assert upkeep["freed_mb"] >= 2
    for line in (large, small):
        assert min(line[f"{what}_rempart_s"] for what in ("backup", "restore")) > 0
    assert (status["repositories"], status["ssh_commands"]) == (12, 1)
