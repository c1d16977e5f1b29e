"""``make bench-backup``: the command line.

Progress goes to stderr; the results, one JSON object per line, to stdout as they come.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.backup import fleet, ground, throughput, upkeep
from bench.event import Invalid, say
from lab.errors import LabError
from lab.session import Session
from rempart.errors import RempartError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks; exit code 1 when something failed: nothing is comparable then."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is cleaned up
    try:
        with tempfile.TemporaryDirectory(prefix="rempart-bench-") as folder, Session() as lab:
            for line in _lines(lab, Path(folder), options):
                print(json.dumps(line), flush=True)
    except KeyboardInterrupt:
        return 130
    except (Invalid, LabError, RempartError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


def _lines(lab: Session, folder: Path, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    say("a server and a desk: boot, enrol, harden, set up backups")
    here = ground.prepared(lab, folder)
    yield from upkeep.run(here, options.growth)
    sets = {"large": (options.large, 64 << 20), "small": (options.small, 4096)}
    yield from throughput.run(here, sets, options.rounds)
    yield from fleet.run(here, options.repositories, options.objects, options.rounds)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.backup",
        description="rempart's backups beside bare restic, on the lab's hosts.",
        epilog="What is measured, and how, stands in docs/bench.md.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    number: dict[str, Any] = {"type": _positive, "metavar": "N"}
    parser.add_argument("--large", **number, default=16, help="files of 64 MiB")
    parser.add_argument("--small", **number, default=50_000, help="files of 4 KiB")
    parser.add_argument("--rounds", **number, default=3, help="rounds, whose medians count")
    parser.add_argument("--repositories", **number, default=500, help="on one server, for status")
    parser.add_argument("--objects", **number, default=200, help="packs in each of these")
    parser.add_argument(
        "--growth", **number, nargs="+", default=[64, 256, 1024], help="sizes to maintain, in MB"
    )
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 (got {text})")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
