"""``make scores``: the command line.

Progress goes to stderr; the table, the list and one JSON line at the end to stdout.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from lab.errors import LabError
from lab.session import Session
from rempart.controls import Baseline
from rempart.errors import RempartError
from scores import reason, report
from scores.finding import AuditError
from scores.measure import measure


def main(arguments: Sequence[str] | None = None) -> int:
    """Audit a host before and after; 1 when a finding has no reason, or there are no scores."""
    parser = argparse.ArgumentParser(
        prog="python -m scores",
        description="OpenSCAP, Lynis and ssh-audit on a lab host, before and after rempart.",
    )
    parser.add_argument(
        "--baseline", choices=get_args(Baseline), default="enhanced", help="of rempart"
    )
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is cleaned up
    try:
        reasons = reason.load()
        with tempfile.TemporaryDirectory(prefix="rempart-scores-") as folder, Session() as lab:
            before, after = measure(lab, Path(folder), options.baseline)
    except KeyboardInterrupt:
        return 130
    except (AuditError, LabError, RempartError, ValueError) as error:
        print(f"scores: {error}", file=sys.stderr)
        return 1
    judgement = reason.judge(after.findings, reasons)
    print("\n".join([*report.table(before, after), "", *report.listing(judgement), ""]))
    print(report.line(before, after))
    return 1 if judgement.unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
