"""The ground: a host that backs up to its practice's server, and stock restic beside it."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.event import Invalid
from lab import place
from lab.host import Host
from lab.session import Session
from tests.lab import practice

DATA = "/srv/data"
REPOSITORIES = "/srv/backup"
KEY = ("--identity", place.KEYS / "t.leroy")
NOBODYS = "age1g4hu0mnf8rnmzq0a5vau6jl3gje9g8plaa5dnnrkzk6h72chqs9qmvplmr"
"""An offline key that nothing here opens."""

BACKUP: dict[str, Any] = {
    "sources": [{"hosts": ["desk"], "paths": [DATA]}],
    "schedule": ["12:30"],
    "targets": [
        {
            "name": "cabinet",
            "kind": "onsite",
            "host": "srv",
            "folder": REPOSITORIES,
            "operator": "Bench",
        }
    ],
    "retention": {
        "keep_within": "0h",
        "keep_within_daily": "1d",
        "keep_within_weekly": "0h",
        "keep_within_monthly": "0h",
    },
}
"""All snapshots are today's, so that one is kept: the last."""


@dataclass(frozen=True)
class Ground:
    """A practice of two hosts whose backups are set up."""

    server: Host
    desk: Host
    inventory: Path

    def rempart(self, *arguments: object, well: Sequence[int] = (0,)) -> str:
        """Run rempart; return its words.

        Raises:
            Invalid: its exit code is none of ``well``.
        """
        state = {"XDG_STATE_HOME": str(self.inventory.parent / "state")}
        done = practice.rempart(*arguments, env=os.environ | state, timeout_s=3600)
        if done.returncode not in well:
            raise Invalid(f"rempart {arguments}: {done.stdout}{done.stderr}")
        return done.stdout

    def backup(self, command: str, *arguments: object) -> str:
        """Run ``rempart backup COMMAND`` on this practice."""
        return self.rempart("backup", command, self.inventory, *arguments)


def prepared(lab: Session, folder: Path) -> Ground:
    """Boot a server and a desk, enrol and harden them, and set up their backups."""
    server, desk = lab.fresh_hosts(2, practice.READY)
    hosts = {"srv": server, "desk": desk}
    inventory = practice.enrolled(folder, hosts, name="bench", roles={"srv": "sftp_server"})
    practice.edit(inventory, lambda data: data.update(backup=BACKUP))
    desk.run(f"mkdir {DATA} && date > {DATA}/first")
    ground = Ground(server, desk, inventory)
    ground.rempart("apply", inventory, "--yes")
    ground.rempart("vault", "init", inventory, "--offline", f"safe={NOBODYS}", "--yes", *KEY)
    ground.backup("init", *KEY)
    ground.backup("run")
    return ground


def fill(desk: Host, files: int, size: int) -> None:
    """Replace what is backed up by that many new files of random bytes."""
    desk.run(f"rm -rf {DATA}/*")
    add(desk, "new", files, size)


def add(desk: Host, name: str, files: int, size: int) -> None:
    """Add a folder of that many files of random bytes, a thousand in each folder below."""
    script = f"""import os, pathlib
for n in range({files}):
    folder = pathlib.Path({DATA!r}, {name!r}, str(n // 1000))
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / str(n)).open("wb") as file:
        for left in range({size}, 0, -1 << 20):
            file.write(os.urandom(min(left, 1 << 20)))
"""
    desk.run(f"python3 -c {shlex.quote(script)}; sync", timeout_s=600)


def timed(work: Callable[[], object]) -> float:
    """Return how many seconds something takes, once the disks have nothing to do."""
    os.sync()
    began = time.monotonic()
    work()
    return time.monotonic() - began
