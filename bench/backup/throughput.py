"""How fast backups and restores are, through rempart's units and with bare restic.

Every contestant brings the same new data to a repository of its own, in turn, so that each has to
send all of it. ``rclone`` is rempart's own way without rempart: the same sshd, the same server.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bench.backup.ground import DATA, KEY, Ground, fill, timed
from bench.event import say

BACK = "/srv/back"

# The peers' account comes in as the hosts' accounts do: sshd runs one command for each key.
PEER = """
set -e
useradd -m -d /srv/peer -G rempart-ssh,rempart-ingest peer
cat > /etc/ssh/ingest_keys.d/peer
"""
FORCED = {
    "sftp": "internal-sftp",
    "rclone": "rclone serve restic --stdio --append-only --config '' /srv/peer/rclone",
}


@dataclass(frozen=True)
class Contestant:
    """What backs the desk up, and what restores all of it below ``BACK``."""

    backup: Callable[[], object]
    restore: Callable[[], object]


def run(
    ground: Ground, sets: Mapping[str, tuple[int, int]], rounds: int
) -> Iterator[dict[str, Any]]:
    """Yield a line per set of data, a number of files and the bytes of each."""
    contestants = _peers(ground) | {"rempart": _rempart(ground)}
    for name, (files, size) in sets.items():
        seconds: dict[str, list[float]] = defaultdict(list)
        for number in range(rounds):
            fill(ground.desk, files, size)
            # Another one begins each time.
            turn = [*contestants][number % 4 :] + [*contestants][: number % 4]
            for who in turn:
                backed_up, restored = _once(ground, contestants[who])
                seconds[f"backup_{who}_s"].append(backed_up)
                seconds[f"restore_{who}_s"].append(restored)
                say(f"{name}: {who}: backup {backed_up:.1f} s, restore {restored:.1f} s")
        medians = {key: statistics.median(each) for key, each in seconds.items()}
        line = {"bench": "backup", "set": name, "files": files, "mb": files * size / 1e6}
        yield line | _told(medians)


def _told(medians: Mapping[str, float]) -> dict[str, float]:
    ratios = {
        f"{what}_to_rclone": medians[f"{what}_rempart_s"] / medians[f"{what}_rclone_s"]
        for what in ("backup", "restore")
    }
    return {key: round(value, 3) for key, value in (dict(medians) | ratios).items()}


def _once(ground: Ground, contestant: Contestant) -> tuple[float, float]:
    """Back up and restore, which must give the same bytes; return the seconds of each."""
    backed_up, restored = timed(contestant.backup), timed(contestant.restore)
    ground.desk.run(f"diff -r {DATA} {BACK}{DATA} && rm -r {BACK}", timeout_s=600)
    return backed_up, restored


def _rempart(ground: Ground) -> Contestant:
    """Return the unit that the timer starts, and the command that technicians type."""
    return Contestant(
        lambda: ground.desk.run("systemctl start rempart-backup@cabinet"),
        lambda: ground.backup("restore", "desk", DATA, "--into", BACK, *KEY),
    )


def _peers(ground: Ground) -> dict[str, Contestant]:
    """Set up bare restic's repositories and return how each is used."""
    desk, server = ground.desk, ground.server
    desk.run(
        "mkdir -m 700 /root/peer && cd /root/peer && head -c 32 /dev/urandom | base64 > password"
        " && for each in sftp rclone; do ssh-keygen -q -t ed25519 -N '' -f $each; done"
    )
    lines = [
        f'restrict,command="{command}" {desk.run(f"cat /root/peer/{each}.pub").stdout}'
        for each, command in FORCED.items()
    ]
    server.run(PEER, input="".join(lines))
    known = "/etc/rempart-backup/cabinet/known_hosts"
    ssh = f"ssh -F /dev/null -oUserKnownHostsFile={known} -oBatchMode=yes -i /root/peer/"
    login = f"peer@{server.address}"
    options = {
        "local": "-r /srv/peer",
        "sftp": f"-r sftp:{login}:/srv/peer/sftp -o 'sftp.command={ssh}sftp {login} -s sftp'",
        "rclone": f"-r rclone: -o 'rclone.program={ssh}rclone {login}'",
    }
    return {name: _bare(ground, name, option) for name, option in options.items()}


def _bare(ground: Ground, name: str, option: str) -> Contestant:
    restic = (
        f"RESTIC_PASSWORD_FILE=/root/peer/password RESTIC_CACHE_DIR=/root/peer/cache-{name}"
        f" restic -q {option}"
    )
    desk = ground.desk
    desk.run(f"{restic} init")
    return Contestant(
        lambda: desk.run(f"{restic} backup {DATA}"),
        lambda: desk.run(f"{restic} restore latest --verify --target {BACK}"),
    )
