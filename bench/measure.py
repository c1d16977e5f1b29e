"""What one run of a contestant costs, and the medians of several."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_STOPWATCH = Path(__file__).with_name("stopwatch.py")


@dataclass(frozen=True)
class Sample:
    """One run: wall and processor time in seconds, the largest process's peak memory in MB.

    The time of the programs that it started and waited for is in it.
    """

    wall_s: float
    cpu_s: float
    peak_mb: float


@dataclass(frozen=True)
class Done:
    """A finished run: what it cost and what it said."""

    sample: Sample
    returncode: int
    stdout: str
    stderr: str


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Done:
    """Run a command in a folder, without a terminal, and measure it."""
    report, stdout, stderr = (folder / name for name in ("sample.json", "stdout", "stderr"))
    with stdout.open("w") as out, stderr.open("w") as err:  # files: no reader takes part in the run
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_STOPWATCH), str(report), *command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            cwd=folder,
            env=os.environ | environment,
            start_new_session=True,
        )
        try:
            process.wait()
        except BaseException:  # Ctrl-C: nothing that the command has started goes on
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    sample = Sample(**json.loads(report.read_text()))
    texts = (file.read_text(errors="replace") for file in (stdout, stderr))
    return Done(sample, process.returncode, *texts)


def median(samples: Sequence[Sample]) -> Sample:
    """Return the medians, each for itself."""
    return Sample(
        statistics.median(sample.wall_s for sample in samples),
        statistics.median(sample.cpu_s for sample in samples),
        statistics.median(sample.peak_mb for sample in samples),
    )
