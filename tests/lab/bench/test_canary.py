"""`make bench` still runs: every contestant plans a hardened host and finds nothing to change."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bench.contestants import PREPARE, ansible

REPOSITORY = Path(__file__).parents[3]


def test_every_contestant_counts_on_a_hardened_host() -> None:
    peers = ansible.BIN / "ansible-playbook"
    assert peers.exists(), f"{peers} is missing; run: make .stamps/bench"
    command = [sys.executable, "-m", "bench", "--hosts", "1", "--rounds", "1", "--first-apply"]
    done = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    (line,) = map(json.loads, done.stdout.splitlines())
    assert (line["bench"], line["hosts"], line["ssh_commands_per_host"]) == ("noop-plan", 1, 1)
    assert [name for name in PREPARE if not line[f"{name}_s"] > 0] == []
