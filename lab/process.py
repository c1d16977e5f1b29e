"""Running the machine's own tools, with errors that an operator can read."""

import subprocess
from collections.abc import Sequence
from typing import Any

from lab.errors import LabError
from lab.requirements import program


def run(
    argv: Sequence[str],
    *,
    stdin: str | None = None,
    check: bool = True,
    who: str = "lab",
    advice: str = "run `python -m lab down`, then `python -m lab up`",
    **options: Any,
) -> subprocess.CompletedProcess[str]:
    """Run a tool and return what it printed; raises LabError with its last line if it fails.

    The tool dies with the lab: one that goes on after a SIGKILL would meet the next `up` or `down`.
    """
    completed = subprocess.run(
        [program("setpriv"), "--pdeathsig", "KILL", "--", program(argv[0]), *argv[1:]],
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        **options,
    )
    if check and completed.returncode != 0:
        said = completed.stderr.strip() or completed.stdout.strip() or "it said nothing"
        raise LabError(
            f"{who}: {' '.join(argv)}: exit {completed.returncode} "
            f"(got {said.splitlines()[-1]!r}); {advice}"
        )
    return completed
