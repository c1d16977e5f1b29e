"""A practice whose hosts back up to its server, set up once for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import practice
import pytest
from copies import AGENDA, CANARY, DATABASES, DISK, HOOK, OFFLINE, PATIENTS, Cabinet

from lab import place
from lab.session import Session

IMAGES = {
    "srv": practice.READY,
    "far": "debian-13-ready",
    "desk": practice.READY,
    "chair": "debian-13-ready",
}

SMALL = "size=128M,nr_inodes=2600,mode=755"
"""The disk of the second server, which is filled up in tests."""

BACKUP = {
    "sources": [{"hosts": ["desk", "chair"], "paths": [PATIENTS, "/home"]}],
    "databases": [
        {"kind": "postgresql", "hosts": ["desk"]},
        {"kind": "mariadb", "hosts": ["desk"]},
        {"kind": "sqlite", "hosts": ["desk"], "path": AGENDA},
        {"kind": "hook", "hosts": ["desk"], "path": HOOK},
    ],
    "schedule": ["12:30"],
    "targets": [
        {
            "name": "cabinet",
            "kind": "onsite",
            "host": "srv",
            "folder": "/srv/backup",
            "operator": "Cabinet",
        },
        {
            "name": "loin",
            "kind": "offsite",
            "host": "far",
            "folder": "/srv/copies",
            "quota_percent": 16,
            "operator": "Infogérance",
        },
        {
            "name": "disque",
            "kind": "removable",
            "host": "srv",
            "disk": DISK,
            "folder": "/srv/disque",
            "operator": "Cabinet",
        },
    ],
    "canaries": [{"hosts": ["desk", "chair"], "path": CANARY}],
}


@pytest.fixture(scope="session")
def cabinet(lab: Session, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cabinet]:
    with ExitStack() as stack:
        hosts = {name: lab.fresh_host(image) for name, image in IMAGES.items()}
        for host in hosts.values():
            stack.callback(host.remove)
        folder = tmp_path_factory.mktemp("cabinet")
        inventory = practice.enrolled(
            folder,
            hosts,
            roles=dict.fromkeys(("srv", "far"), "sftp_server"),
            people=[practice.MARIE],
        )
        practice.edit(inventory, lambda data: data.update(backup=BACKUP))
        for name in ("desk", "chair"):
            hosts[name].run(
                f"mkdir -p {PATIENTS} && cd {PATIENTS} && seq 40000 > registre && seq 9 > {CANARY}"
                " && for i in $(seq 40); do head -c 20000 /dev/urandom > radio-$i; done"
            )
        hosts["far"].run(f"mkdir /srv/copies && mount -t tmpfs -o {SMALL} tmpfs /srv/copies")
        # Tools of the attacker who is root there.
        for name, more in (("desk", "acl postgresql mariadb-server"), ("chair", "")):
            hosts[name].run(
                "apt-get update -q && apt-get install -q -y --no-install-recommends curl socat"
                f" {more}",
                timeout_s=600,
            )
        cabinet = Cabinet(hosts, inventory, folder / "state")
        cabinet.done("apply", inventory, "--yes")
        hosts["desk"].run(DATABASES, timeout_s=300)
        key = ("--identity", place.KEYS / "t.leroy")
        cabinet.done("vault", "init", inventory, "--offline", f"coffre={OFFLINE}", "--yes", *key)
        hosts["desk"].run("systemctl start rempart-backup@cabinet.service")
        idle = hosts["desk"].run("find /var/lib/rempart-backup -type f").stdout == ""
        cabinet.done("backup", "init", inventory, *key)
        cabinet.done("backup", "run", inventory)
        hosts["srv"].plug_in("disque", DISK)
        cabinet.done("backup", "init", inventory, "--target", "disque", *key)
        cabinet.bring_to_disk()
        yield replace(cabinet, was_idle_without_secrets=idle)
