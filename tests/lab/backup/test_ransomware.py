"""The exercise: a desk is lost to ransomware with all its keys, and everything comes back.

`make demo-ransomware` runs this alone and prints what it counted.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import practice
import pytest
from copies import CURL, DISK, OFFLINE, Cabinet

from lab import place
from lab.session import Session
from rempart.policy import load

KEY = ("--identity", place.KEYS / "t.leroy")
IMAGES = {"srv": practice.READY, "far": "debian-13-ready", "desk": practice.READY}
FILES = "/srv/dossiers"
TREE = "cd %s && find . -type f -exec sha256sum {} + | sort"
BACKUP = {
    "sources": [{"hosts": ["desk"], "paths": [FILES]}],
    "databases": [{"kind": "postgresql", "hosts": ["desk"]}],
    "canaries": [{"hosts": ["desk"], "path": f"{FILES}/0000-lisezmoi.txt"}],
    "schedule": ["12:30"],
    "targets": [
        {"name": "cabinet", "kind": "onsite", "host": "srv", "folder": "/srv/backup",
         "operator": "Cabinet"},
        {"name": "loin", "kind": "offsite", "host": "far", "folder": "/srv/copies",
         "operator": "Infogérance"},
        {"name": "disque", "kind": "removable", "host": "srv", "folder": "/srv/disque",
         "disk": DISK, "operator": "Cabinet"},
    ],
}  # fmt: skip
WORK = rf"""
set -e
mkdir -p {FILES}/courriers {FILES}/radios && cd {FILES}
echo 'Ne pas toucher.' > 0000-lisezmoi.txt
for n in $(seq 120); do
    seq $n $((n + 400)) > courriers/lettre-$n.txt
    head -c 30000 /dev/urandom > radios/$n.jpg
done
cd / && runuser -u postgres -- psql -qX -c 'create database dossiers'
runuser -u postgres -- psql -qX -d dossiers -c 'create table acte as
    select n, md5(n::text) as note from generate_series(1, 5000) n'
"""
TOOLS = "apt-get update -q && apt-get install -q -y --no-install-recommends curl socat postgresql"
ROWS = (
    "cd / && runuser -u postgres -- psql -XAtd dossiers -c 'select count(*), max(note) from acte'"
)

ENCRYPT = f"""
cd {FILES} && find . -type f ! -name '*.locked' | while read -r file; do
    openssl enc -aes-256-ctr -pbkdf2 -pass pass:x -in "$file" -out "$file.locked" && rm "$file"
done
cd / && runuser -u postgres -- psql -qX -c 'drop database dossiers'
"""
EACH = """each() {
    for kind in config keys data index snapshots locks; do
        for name in $(restic $repo list $kind --no-lock 2> /dev/null | grep -Ex '[0-9a-f]{64}'); do
            request "$@" "http://x/$kind/$name"
        done
    done
    request "$@" http://x/config
}
"""
MANY = 'for n in $(seq 25); do request -X POST -d "$n" http://x/%s/$(printf %%064d $n); done'
ATTACKS = {
    "encrypted files are backed up": "restic $repo backup --host t/desk /srv/dossiers",
    "forget and prune": "restic $repo forget --keep-last 1 --prune",
    "prune": "restic $repo prune",
    "delete every object": f"{EACH} each -X DELETE",
    "overwrite every object": f"{EACH} each -X POST -d junk",
    "held upload": """name=$(printf %064d 55)
        { sleep 3; echo junk; } | request -X POST -T - http://x/data/$name &
        sleep 1; request -X POST -d genuine http://x/data/$name; wait $!""",
    "a password of his own": "echo x > /root/x; restic $repo key add --new-password-file /root/x",
    "garbage keys": MANY % "keys",
    "garbage indexes": MANY % "index",
    "garbage snapshots": MANY % "snapshots",
    "locks for ever": MANY % "locks",
    "a name that is an option": "request -X POST -d x 'http://x/snapshots/--password-command=id'",
    "a snapshot of 2099": "restic $repo backup --time '2099-01-01 12:00:00' /etc/hostname",
    "a snapshot of another host": "restic $repo backup --host t/srv /etc/hostname",
    "a shell": "timeout 20 /root/way id",
    "sftp": "OPTIONS=-s timeout 20 /root/way sftp < /dev/null",
    "another command": "timeout 20 /root/way rm -rf /srv/backup",
}
"""What root tries on the desk, with its backup key and its repository's password."""

ON_THE_DISK = (
    "prune",
    "delete every object",
    "overwrite every object",
    "held upload",
    "garbage keys",
    "garbage indexes",
    "forget and prune",
    "garbage snapshots",
)
"""What he tries again, while the disk is plugged in."""


@pytest.fixture(scope="module")
def office(lab: Session, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cabinet]:
    with ExitStack() as stack:
        hosts = {name: lab.fresh_host(image) for name, image in IMAGES.items()}
        stack.callback(lambda: [host.remove() for host in hosts.values()])
        folder = tmp_path_factory.mktemp("office")
        roles = dict.fromkeys(("srv", "far"), "sftp_server")
        inventory = practice.enrolled(folder, hosts, roles=roles, people=[practice.MARIE])
        practice.edit(inventory, lambda data: data.update(backup=BACKUP))
        hosts["desk"].run(TOOLS, timeout_s=600)
        hosts["desk"].run(WORK, timeout_s=300)
        office = Cabinet(hosts, inventory, folder / "state")
        office.done("apply", inventory, "--yes")
        paper = ("--offline", f"coffre={OFFLINE}", "--yes")
        office.done("vault", "init", inventory, *paper, *KEY)
        office.done("backup", "init", inventory, *KEY)
        office.done("backup", "run", inventory)
        office.done("backup", "run", inventory)
        hosts["srv"].plug_in("disque", DISK)
        office.done("backup", "init", inventory, "--target", "disque", *KEY)
        office.bring_to_disk("desk")
        hosts["srv"].pull_out("disque")
        yield office


def arrived(office: Cabinet, folder: str = "/srv/backup") -> set[str]:
    """Return all objects of one of the desk's repositories, by their bytes."""
    find = f"cd {folder}/desk && find . -type f ! -path './locks/*' -exec sha256sum {{}} +"
    return set(office.server.run(find).stdout.splitlines())


def attacked_on_the_disk(office: Cabinet) -> list[str]:
    """Plug the disk in while somebody else is root on the desk; return what the disk has held."""
    office.server.plug_in("disque", DISK)
    office.done("backup", "plug", office.inventory, "disque")
    objects, held = arrived(office, "/srv/disque"), []
    for name in ON_THE_DISK:
        script = f"TARGET=disque\n{CURL}\n{ATTACKS[name]}"
        office.hosts["desk"].run(script, check=False, timeout_s=300)
        if objects <= arrived(office, "/srv/disque"):
            held.append(f"on the disk: {name}")
            print(f"held: {held[-1]}", flush=True)
    office.done("backup", "unplug", office.inventory, "disque")
    assert office.disk("free")["damaged"] > 0
    office.server.pull_out("disque")
    return held


def restored_from(office: Cabinet, target: str, before: str) -> str:
    """Return the files as another target has them, of that moment."""
    at, folder = ("--target", target), f"/root/{target}"
    rewound = office.backup("rewind", "desk", "--to", before, *at)
    assert rewound.returncode == 0, rewound.stdout + rewound.stderr
    back = office.backup("restore", "desk", "--rewound", "--into", folder, *at, *KEY)
    assert back.returncode == 0, back.stdout + back.stderr
    return office.hosts["desk"].run(TREE % f"{folder}{FILES}").stdout


def replaced(office: Cabinet, lab: Session) -> None:
    """Put a stock machine in the desk's place: a new disk, a new host key, a new address."""
    policy = load(office.inventory)
    policy.route(policy.host("desk")).known_hosts.unlink()
    office.hosts["desk"].remove()
    office.hosts["desk"] = lab.fresh_host(practice.READY)

    def move(data: dict[str, list[dict[str, str]]]) -> None:
        (desk,) = (each for each in data["hosts"] if each["name"] == "desk")
        desk["address"] = office.hosts["desk"].address

    practice.edit(office.inventory, move)
    practice.enrol(office.inventory, {"desk": office.hosts["desk"]})
    office.hosts["desk"].run(TOOLS, timeout_s=600)
    office.done("apply", office.inventory, "--yes")
    office.done("backup", "init", office.inventory, *KEY)


def test_everything_comes_back(office: Cabinet, lab: Session) -> None:
    desk = office.hosts["desk"]
    wanted, rows = desk.run(TREE % FILES).stdout, desk.run(ROWS).stdout
    time.sleep(1)
    before = office.server.run("date -u +%Y-%m-%dT%H:%M:%S+0000").stdout.strip()
    time.sleep(1)
    objects = arrived(office)

    desk.run(ENCRYPT, timeout_s=300)
    assert desk.run(TREE % FILES).stdout.count(".locked\n") == wanted.count("\n")
    held = []
    for name, script in ATTACKS.items():
        desk.run(f"{CURL}\n{script}", check=False, timeout_s=300)
        if objects <= arrived(office):
            held.append(name)
            print(f"held: {name}", flush=True)
    assert held == list(ATTACKS)
    on_the_disk = attacked_on_the_disk(office)
    assert len(on_the_disk) == len(ON_THE_DISK)

    assert office.backup("check", *KEY).returncode == 2
    assert office.backup("maintain", *KEY).returncode == 2
    assert objects <= arrived(office)
    print("maintenance stopped, nothing is lost; the desk is set up anew", flush=True)

    replaced(office, lab)
    began = time.monotonic()
    rewound = office.backup("rewind", "desk", "--to", before)
    assert rewound.returncode == 0, rewound.stdout + rewound.stderr
    back = office.backup("restore", "desk", "--rewound", "--into", "/", *KEY)
    assert back.returncode == 0, back.stdout + back.stderr
    desk = office.hosts["desk"]
    desk.run(
        "cd / && runuser -u postgres -- createdb dossiers && cat /var/lib/rempart-dump/postgresql/"
        "*/dossiers.dump | runuser -u postgres -- pg_restore -d dossiers"
    )
    restore_s = round(time.monotonic() - began, 1)
    restored = desk.run(TREE % FILES).stdout
    assert restored == wanted
    assert desk.run(ROWS).stdout == rows

    assert office.backup("rewind", "desk", "--to", before, "--put-aside").returncode == 0
    assert office.backup("release", "desk").returncode == 0
    assert office.backup("release", "desk", "--target", "disque").returncode == 0

    print("the server here is rooted too: from the other one, and from the disk", flush=True)
    office.server.run("rm -rf /srv/backup/desk")
    assert restored_from(office, "loin", before) == wanted
    office.server.plug_in("disque", DISK)
    office.done("backup", "plug", office.inventory, "disque")
    unknown = office.backup("restore", "desk", "--into", "/root", "--target", "disque", *KEY)
    assert "no secrets for disque: rempart backup init --target disque" in unknown.stderr
    office.done("backup", "init", office.inventory, "--target", "disque", *KEY)
    assert restored_from(office, "disque", before) == wanted
    office.done("backup", "unplug", office.inventory, "disque")
    office.done("vault", "rekey", office.inventory, "--host", "desk", "--yes", *KEY)
    office.done("backup", "init", office.inventory, *KEY)
    office.done("backup", "run", office.inventory)
    assert {row["outcome"] for row in office.status().values()} == {"fresh"}
    report(wanted, restored, len(held) + len(on_the_disk), restore_s)


def report(wanted: str, restored: str, held: int, restore_s: float) -> None:
    counts = {
        "files": wanted.count("\n"),
        "restored": restored.count("\n"),
        "lost": len(set(wanted.splitlines()) - set(restored.splitlines())),
        "attacks": len(ATTACKS) + len(ON_THE_DISK),
        "held": held,
        "restore_s": restore_s,
    }
    if "RANSOMWARE_REPORT" in os.environ:
        Path(os.environ["RANSOMWARE_REPORT"]).write_text(json.dumps(counts) + "\n")
