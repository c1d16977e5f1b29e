"""What maintenance costs as a repository grows: time, and room on the server's disk."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

from bench.backup.ground import DATA, KEY, REPOSITORIES, Ground, add
from bench.event import say

# du(1) counts what has several names once. Twice a second until the file is removed.
WATCH = f"""
size() {{ du -sm {REPOSITORIES} | cut -f1; }}
touch /run/watched; most=$(size); first=$most
while [ -e /run/watched ]; do
    now=$(size); [ "$now" -le "$most" ] || most=$now
    echo $((most - first)) > /run/extra; sleep 0.5
done
"""


def run(ground: Ground, sizes: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Let the repository grow to each size in MB, half of it unwanted; yield what that costs.

    Nothing is put in place (``--dry-run``), so that the next size comes on top.
    """
    before = 0
    for size in sorted(sizes):
        half = (size - before) * 500_000
        add(ground.desk, "passing", 1, half)
        ground.backup("run")
        ground.desk.run(f"rm -r {DATA}/passing")
        add(ground.desk, f"lasting-{size}", 1, half)
        ground.backup("run")
        ground.backup("release", "desk")  # so many random bytes are an anomaly
        before = size
        ground.server.run(f"systemd-run -q --unit=watch sh -c {shlex.quote(WATCH)}")
        (report,) = json.loads(ground.backup("maintain", "desk", "--dry-run", "--json", *KEY))
        ground.server.run("rm /run/watched; while systemctl -q is-active watch; do sleep 0.1; done")
        extra = int(ground.server.run("cat /run/extra").stdout)
        say(f"maintenance, {size} MB: {report['seconds']} s, {extra} MB beside")
        yield {
            "bench": "maintenance",
            "repository_mb": size,
            "forgotten": report["forgotten"],
            "kept": report["kept"],
            "freed_mb": round(report["aside_bytes"] / 1e6, 1),
            "extra_disk_mb": extra,
            "maintenance_s": report["seconds"],
        }
