"""``make bench``: the command line.

Progress goes to stderr; the results, one JSON object per line, to stdout at the end.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import event
from bench.contestants import PREPARE
from lab.errors import LabError
from lab.session import Session
from rempart.errors import RempartError

EPILOG = """
The hosts are stock Debian 12 lab hosts, enrolled with rempart; boot and enrolment are not measured.
What is measured, and how, stands in docs/bench.md.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks; exit code 1 when a contestant failed: nothing is comparable then."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is cleaned up
    programme = event.Programme(options.hosts, options.first_apply, options.rounds, options.peers)
    try:
        with tempfile.TemporaryDirectory(prefix="rempart-bench-") as folder, Session() as lab:
            lines = list(event.run(lab, Path(folder), programme))
    except KeyboardInterrupt:
        return 130
    except (event.Invalid, LabError, RempartError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    for line in lines:
        print(json.dumps(line))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="rempart beside OpenSSH, stock pyinfra and Ansible, on the lab's hosts.",
        epilog=EPILOG,
    )
    sizes: dict[str, Any] = {"type": int, "nargs": "*", "metavar": "N"}
    parser.add_argument(
        "--hosts", **sizes, default=[1, 5, 10, 20],
        help="plan so many hosts that are as wanted (default: 1 5 10 20)",
    )  # fmt: skip
    parser.add_argument(
        "--first-apply", **sizes, default=[1, 5],
        help="harden so many stock hosts (default: 1 5)",
    )  # fmt: skip
    parser.add_argument(
        "--rounds", type=int, default=3, metavar="N",
        help="runs of each contestant, one after the other in turn; medians count (default: 3)",
    )  # fmt: skip
    peers = [name for name in PREPARE if name != "rempart"]
    parser.add_argument(
        "--peers", nargs="*", choices=peers, default=peers,
        help=f"who runs beside rempart (default: {' '.join(peers)})",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    if not [*options.hosts, *options.first_apply]:
        parser.error("nothing to do: give --hosts or --first-apply a number")
    if min(options.rounds, *options.hosts, *options.first_apply) < 1:
        parser.error("numbers start at 1")
    return options


if __name__ == "__main__":
    sys.exit(main())
