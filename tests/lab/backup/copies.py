"""A practice with backups: what its hosts, its server and its vault are asked in tests."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import practice

from lab import place
from lab.host import Host

OFFLINE = "age1g4hu0mnf8rnmzq0a5vau6jl3gje9g8plaa5dnnrkzk6h72chqs9qmvplmr"
DISK = "3255683f-53a2-4fdf-91cf-b4c1041e2a62"
PATIENTS = "/srv/dossiers"
AGENDA = "/home/m.durand/agenda d'été.db"
CANARY = f"{PATIENTS}/0000-lisezmoi.txt"
HOOK = "/usr/local/sbin/export-radio"

# The names are as people may choose them.
DATABASES = rf"""
set -e
systemctl start postgresql mariadb
cd /
pg() {{ runuser -u postgres -- psql -qX "$@"; }}
pg -c "create role cabinet" -c "create database \"dossiers d'été\" owner cabinet"
pg -d "dossiers d'été" -c "create table acte as
  select n, md5(n::text) as note from generate_series(1, 5000) n"
mariadb -e "create database \`radio-été\`;
  use \`radio-été\`; create table image (n int, bytes blob) engine=innodb;
  insert into image select seq, unhex(md5(seq)) from seq_1_to_3000;
  create user lecteur identified by 'x'"
runuser -u m.durand -- python3 -c 'import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as db:
    db.execute("pragma journal_mode=wal")
    db.execute("create table visite (n integer)")
    db.executemany("insert into visite values (?)", [(n,) for n in range(2000)])
' "{AGENDA}"
printf '#!/bin/sh
echo exported
' > {HOOK}
chmod 755 {HOOK}
"""


@dataclass(frozen=True)
class Cabinet:
    """Two hosts that back up to two servers, each enabled."""

    hosts: dict[str, Host]
    inventory: Path
    state: Path
    """What the controller remembers of vaults."""
    was_idle_without_secrets: bool = False

    @property
    def server(self) -> Host:
        """Return the server."""
        return self.hosts["srv"]

    def rempart(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run rempart as the technician who has a key to the vault."""
        environment = os.environ | {"XDG_STATE_HOME": str(self.state)}
        return practice.rempart(*arguments, env=environment, timeout_s=600)

    def done(self, *arguments: object) -> str:
        """Run rempart, which must succeed; return its words."""
        done = self.rempart(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def ask_for_disk(self, *hosts: str) -> None:
        """Have hosts ask for the disk, as their timers do, and bring their copies to it."""
        for host in hosts:
            self.hosts[host].run(ASK_FOR_DISK, timeout_s=120)

    def bring_to_disk(self, *hosts: str) -> dict[str, Any]:
        """Have hosts bring their copies; return how the disk stands when it is free."""
        self.ask_for_disk(*(hosts or ("desk", "chair")))
        return self.disk("free")

    def disk(self, state: str, timeout_s: float = 120) -> dict[str, Any]:
        """Wait until the disk stands so; return what is said of it."""
        until = time.monotonic() + timeout_s
        while True:
            said = self.server.run("cat /var/lib/rempart-ingest/disque.disk", check=False).stdout
            if said and json.loads(said)["state"] == state:
                found: dict[str, Any] = json.loads(said)
                return found
            assert time.monotonic() < until, said
            time.sleep(0.5)

    def init(self, *hosts: str) -> subprocess.CompletedProcess[str]:
        """Run `rempart backup init` with the technician's key."""
        key = ("--identity", place.KEYS / "t.leroy")
        return self.rempart("backup", "init", self.inventory, *hosts, *key)

    def backup(self, command: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run `rempart backup COMMAND INVENTORY …`, of the server here unless it is said."""
        at = () if "--target" in arguments else ("--target", "cabinet")
        return self.rempart("backup", command, self.inventory, *at, *arguments)

    def backed_up(self, *arguments: object) -> None:
        """Back up, which must succeed."""
        done = self.backup("run", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr

    def status(self, target: str = "cabinet") -> dict[str, dict[str, Any]]:
        """Return how a target's copies stand, by host."""
        done = self.backup("status", "--json", "--target", target)
        rows: list[dict[str, Any]] = json.loads(done.stdout)
        return {row["host"]: row for row in rows}

    def settle(self, host: str) -> None:
        """Note what has arrived here, and that it has been there for a quarter of an hour."""
        ledger = f"/var/lib/rempart-ingest/{host}--cabinet.ledger"
        self.server.run(
            f"""systemctl start rempart-ledger && sed -i 's/, "young": true//' {ledger}"""
        )

    def result(self, host: str, target: str = "cabinet") -> dict[str, Any]:
        """Return what a host's last backup said of itself."""
        done = self.hosts[host].run(f"cat /var/lib/rempart-backup/{target}.json")
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def restic(
        self, host: str, *arguments: str, check: bool = True, target: str = "cabinet"
    ) -> str:
        """Run restic on a host, as its root would, with what he finds there; return its words."""
        words = shlex.join(arguments)
        script = f"TARGET={target}{AS_ROOT}"
        done = self.hosts[host].run(f"{script}\nrestic $repo {words}", check=check, timeout_s=300)
        return done.stdout + done.stderr

    def ssh(self, host: str, options: str, words: str) -> str:
        """Run ssh from a host with its backup key and no input; return what was said."""
        way = f"OPTIONS={shlex.quote(options)} timeout 20 /root/way {shlex.quote(words)}"
        done = self.hosts[host].run(f"{AS_ROOT}\n{way} < /dev/null | cat -v", check=False)
        return done.stdout + done.stderr


AS_ROOT = """
cd /etc/rempart-backup/${TARGET-cabinet}
export RESTIC_PASSWORD_FILE=$PWD/password RESTIC_CACHE_DIR=/root/cache
user=$(python3 -c 'import json
server = json.load(open("../'${PWD##*/}'.json"))["server"]
print(server["user"] + "@" + server["address"])')
cat > /root/way <<EOF
#!/bin/sh
exec ssh -F /dev/null -i $PWD/key -oUserKnownHostsFile=$PWD/known_hosts \\
  -oBatchMode=yes \\$OPTIONS $user "\\$@"
EOF
chmod 700 /root/way
repo="-r rclone: -o rclone.program=/root/way"
"""

# rclone talks HTTP/2 on its standard streams; curl wants a socket.
CURL = f"""{AS_ROOT}
rm -f /root/socket; socat UNIX-LISTEN:/root/socket,fork EXEC:/root/way &
trap "kill $!" EXIT
until [ -e /root/socket ]; do sleep 0.1; done
request() {{
    curl -sS -m 60 --http2-prior-knowledge --unix-socket /root/socket \\
        -o /dev/null -w '%{{http_code}}\\n' "$@"
}}
"""

ASK_FOR_DISK = """
result() { cat /var/lib/rempart-backup/disque.json; }
before=$(result)
systemctl start rempart-plugged@disque || exit 1
while [ "$(result)" = "$before" ]; do sleep 0.2; done 2>/dev/null
"""
