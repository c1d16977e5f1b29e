"""What it costs to ask one server how hundreds of repositories stand."""

from __future__ import annotations

import ipaddress
import json
import statistics
import time
from collections.abc import Iterator
from typing import Any

from bench.backup.ground import Ground
from bench.event import Invalid, say
from bench.field import journal_end, sessions
from tests.lab import practice

# As restic lays them out, with nothing in them: the ledger looks at names and times.
REPOSITORIES = """import json, os, pathlib
for about in json.load(open("/etc/rempart-ingest/repositories.json")).values():
    folder = pathlib.Path(about["folder"])
    if (folder / "config").exists():
        continue
    for kind, count in (("data", {objects}), ("index", 4), ("keys", 1), ("snapshots", 30)):
        for _ in range(count):
            name = os.urandom(32).hex()
            path = folder / kind / (f"{{name[:2]}}/{{name}}" if kind == "data" else name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x" * 100)
    (folder / "locks").mkdir()
    (folder / "config").write_bytes(b"x" * 155)
"""
FIRST = ipaddress.ip_address("10.90.0.1")


def run(ground: Ground, repositories: int, objects: int, rounds: int) -> Iterator[dict[str, Any]]:
    """Have the server keep so many, each with so many packs; yield what ``status`` takes.

    ``first_s`` is of the first time, when all of them are new to the ledger.
    """
    say(f"status: {repositories} repositories on one server")
    practice.edit(ground.inventory, lambda data: _grow(data, repositories))
    ground.rempart("apply", ground.inventory, "--host", "srv", "--yes")
    ground.server.run(f"python3 - <<'E'\n{REPOSITORIES.format(objects=objects)}\nE", timeout_s=600)
    seconds, logins = [], []
    for number in range(1 + rounds):
        place, began = journal_end(ground.server), time.monotonic()
        rows = json.loads(
            ground.rempart("backup", "status", ground.inventory, "--json", well=(0, 2))
        )
        seconds.append(time.monotonic() - began)
        logins.append(sessions(ground.server, place))
        if len(rows) != repositories:
            raise Invalid(f"status: {len(rows)} rows of {repositories}")
        say(f"status, round {number}: {seconds[-1]:.1f} s, {logins[-1]} SSH commands")
    yield {
        "bench": "status",
        "repositories": repositories,
        "objects": repositories * (objects + 36),
        "first_s": round(seconds[0], 3),
        "status_s": round(statistics.median(seconds[1:]), 3),
        "ssh_commands": max(logins),
    }


def _grow(data: Any, repositories: int) -> None:
    names = [f"c{number:03}" for number in range(1, repositories)]
    for number, name in enumerate(names):
        host = {"name": name, "role": "workstation", "address": str(FIRST + number)}
        data["hosts"].append(host)
    data["backup"]["sources"][0]["hosts"] += names
