"""Files come back: from before a disaster, with their owners and modes, whatever came after."""

from __future__ import annotations

import json
import shlex
from datetime import datetime, timedelta
from typing import Any

import pytest
from copies import CURL, PATIENTS, Cabinet

from lab import place

KEY = ("--identity", place.KEYS / "t.leroy")
REPOSITORY = "/srv/backup/desk"
TREE = f"cd {PATIENTS} && find . -printf '%P %m %u %g %s %T@\\n' | sort && getfacl -R ."


def listed(cabinet: Cabinet, *arguments: object) -> list[dict[str, Any]]:
    """Return the desk's snapshots by `rempart backup list --json`."""
    done = cabinet.backup("list", "desk", "--json", *KEY, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_disaster_is_undone_to_the_byte_with_owners_modes_and_acls(cabinet: Cabinet) -> None:
    desk = cabinet.hosts["desk"]
    desk.run(
        f"cd {PATIENTS} && chown -R m.durand . && chmod 2750 . && chmod 600 radio-1"
        " && setfacl -m u:backup:r registre && ln -s registre lien && touch 'a\nb' '*' '[é'"
        " && ln registre jumeau"
    )
    cabinet.backed_up("desk")
    before = desk.run(TREE).stdout
    digests = desk.run(f"find {PATIENTS} -type f -exec sha256sum {{}} + | sort").stdout
    desk.run(f"for each in {PATIENTS}/radio-*; do echo encrypted > $each; done; rm {PATIENTS}/r*e")
    done = cabinet.backup("restore", "desk", PATIENTS, "--into", "/", *KEY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert desk.run(TREE).stdout == before
    assert desk.run(f"find {PATIENTS} -type f -exec sha256sum {{}} + | sort").stdout == digests
    # Two names of one file, each a file of its own by now, as those leave them who rewrite files.
    desk.run(f"cd {PATIENTS} && rm jumeau && echo other > jumeau && echo other > registre")
    done = cabinet.backup("restore", "desk", f"{PATIENTS}/registre", PATIENTS, "--into", "/", *KEY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert desk.run(TREE).stdout == before
    desk.run(f"cd {PATIENTS} && [ registre -ef jumeau ]")


def test_one_file_of_a_moment_comes_back_beside_what_is_there(cabinet: Cabinet) -> None:
    desk = cabinet.hosts["desk"]
    desk.run(f"echo first > {PATIENTS}/lettre")
    cabinet.backed_up("desk")
    moment = datetime.fromisoformat(listed(cabinet)[-1]["arrived"]).astimezone()
    desk.run(f"sleep 2; echo second > {PATIENTS}/lettre")
    cabinet.backed_up("desk")
    at = ("--at", f"{moment + timedelta(seconds=1):%Y-%m-%dT%H:%M:%S}")
    done = cabinet.backup("restore", "desk", f"{PATIENTS}/lettre", *at, *KEY, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    into = json.loads(done.stdout)["into"]
    assert desk.run(f"cat {into}{PATIENTS}/lettre").stdout == "first\n"
    assert desk.run(f"find {into} -type f").stdout.count("\n") == 1
    assert desk.run(f"cat {PATIENTS}/lettre").stdout == "second\n"
    assert desk.run(f"stat -c '%a %U' {into}").stdout == "700 root\n"


def test_link_that_somebody_has_laid_leads_no_file_elsewhere(cabinet: Cabinet) -> None:
    """Root writes what is restored, and people own the folders that it goes to."""
    desk = cabinet.hosts["desk"]
    desk.run(
        f"mkdir -p {PATIENTS}/suite && cp {PATIENTS}/registre {PATIENTS}/suite/acte"
        " && echo untouched > /root/victim && mkdir -p /root/aside"
    )
    cabinet.backed_up("desk")
    desk.run(
        f"cd {PATIENTS} && ln -sf /root/victim radio-2 && rm -r suite && ln -s /root/aside suite"
    )
    done = cabinet.backup("restore", "desk", PATIENTS, "--into", "/", *KEY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert desk.run("cat /root/victim; ls /root/aside").stdout == "untouched\n"
    desk.run(f"cd {PATIENTS} && [ ! -L radio-2 ] && cmp registre suite/acte")
    desk.run(f"cd {PATIENTS} && chown m.durand . && rm -r suite && ln -s /root/aside suite")
    desk.run(f"chown -h m.durand {PATIENTS}/suite")
    refused = cabinet.backup("restore", "desk", f"{PATIENTS}/suite/acte", "--into", "/", *KEY)
    assert refused.returncode == 1
    assert f"{PATIENTS}/suite is a link of somebody's; nothing was restored" in refused.stderr
    assert desk.run("ls /root/aside").stdout == ""
    desk.run(f"rm {PATIENTS}/suite")


HOSTILE = """#!/bin/sh
echo mine | tee /etc/owned /home/owned /var/lib/rempart-backup/owned > /dev/null 2>&1
exec restic.real "$@"
"""
"""What a snapshot could do to the program that reads it."""


def test_restore_writes_nowhere_else(cabinet: Cabinet) -> None:
    desk = cabinet.hosts["desk"]
    owned = "ls /etc/owned /home/owned /var/lib/rempart-backup/owned 2>/dev/null"
    desk.run(
        "mv /usr/bin/restic /usr/bin/restic.real; mkdir /root/back;"
        f" printf %s {shlex.quote(HOSTILE)} > /usr/bin/restic; chmod 755 /usr/bin/restic"
    )
    try:
        desk.run("restic version")
        assert len(desk.run(owned).stdout.split()) == 3
        desk.run(f"rm $({owned})")
        done = cabinet.backup(
            "restore", "desk", f"{PATIENTS}/registre", "--into", "/root/back", *KEY
        )
    finally:
        desk.run("mv /usr/bin/restic.real /usr/bin/restic")
    assert done.returncode == 0, done.stdout + done.stderr
    assert desk.run(owned, check=False).stdout == ""
    assert desk.run(f"cat /root/back{PATIENTS}/registre").stdout.endswith("40000\n")


def test_path_that_is_not_in_the_snapshot_is_named(cabinet: Cabinet) -> None:
    done = cabinet.backup("restore", "desk", "/srv/nowhere", *KEY)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "is not in the snapshot: /srv/nowhere" in done.stderr


FORGED = {
    "says it is of after its arrival": ("--time", "2099-01-01 12:00:00", PATIENTS),
    "says it is of long before its arrival": ("--time", "2020-01-01 12:00:00", PATIENTS),
    "of another host": ("--host", "t/chair", PATIENTS),
    "other paths": ("/etc/hostname",),
}
"""How the list shows what somebody adds who is root on the host, and how he does."""


@pytest.mark.parametrize("doubt", FORGED)
def test_forged_snapshot_is_shown_as_such_and_is_not_restored(cabinet: Cabinet, doubt: str) -> None:
    genuine = {each["id"] for each in listed(cabinet) if not each["doubts"]}
    cabinet.restic("desk", "backup", "--host", "t/desk", *FORGED[doubt])
    newest = listed(cabinet)[-1]
    assert newest["id"] not in genuine
    assert newest["doubts"] == [doubt]
    done = cabinet.backup("restore", "desk", f"{PATIENTS}/registre", "--json", *KEY)
    assert json.loads(done.stdout)["snapshot"] in genuine, done.stdout + done.stderr


def test_repositories_are_whole(cabinet: Cabinet) -> None:
    assert cabinet.backup("release", "desk", "chair").returncode == 0  # of what was forged above
    done = cabinet.backup("check", *KEY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == ["t/desk: cabinet: whole", "t/chair: cabinet: whole"]


def test_repository_that_misses_a_pack_is_not_whole(cabinet: Cabinet) -> None:
    pack = cabinet.server.run("find /srv/backup/chair/data -type f | head -n1").stdout.strip()
    cabinet.server.run(f"mv {pack} /root/pack")
    try:
        done = cabinet.backup("check", *KEY)
    finally:
        cabinet.server.run(f"mv /root/pack {pack}; rm -f /var/lib/rempart-ingest/chair--cabinet.*")
    assert done.returncode == 2, done.stdout + done.stderr
    desk, chair = done.stdout.splitlines()
    assert desk == "t/desk: cabinet: whole"
    assert "t/chair: cabinet: restic: exit 1" in chair


def test_rewind_restores_all_that_arrived_before_the_index_was_poisoned(cabinet: Cabinet) -> None:
    """Junk for an index breaks every restore (restic 0.14); the view of before knows nothing of it.

    The host itself restores from the view, with its own key.
    """
    desk, name = cabinet.hosts["desk"], "7" * 64
    cabinet.backed_up("desk")
    registre = desk.run(f"sha256sum < {PATIENTS}/registre").stdout
    moment = datetime.fromisoformat(listed(cabinet)[-1]["arrived"]).astimezone()
    try:
        desk.run(f"sleep 2\n{CURL}\nrequest -X POST -d junk http://x/index/{name}")
        broken = cabinet.backup("restore", "desk", f"{PATIENTS}/registre", *KEY)
        assert broken.returncode == 1, broken.stdout
        to = ("--to", f"{moment + timedelta(seconds=1):%Y-%m-%dT%H:%M:%S}")
        view = json.loads(cabinet.backup("rewind", "desk", *to, "--json").stdout)
        assert view["left_out"] == 1, view
        assert listed(cabinet, "--rewound")[-1]["arrived"] == moment.isoformat()
        back = cabinet.backup("restore", "desk", "--rewound", "--into", "/root/rewound", *KEY)
        assert back.returncode == 0, back.stdout + back.stderr
        assert desk.run(f"sha256sum < /root/rewound{PATIENTS}/registre").stdout == registre
    finally:
        ledger = "/var/lib/rempart-ingest/desk--cabinet"
        cabinet.server.run(
            f"rm {REPOSITORY}/index/{name} {ledger}.*; systemctl start rempart-ledger"
        )


def test_nobody_adds_to_a_rewound_view(cabinet: Cabinet) -> None:
    cabinet.backup("rewind", "desk", "--to", "2099-01-01")
    before = cabinet.server.run(f"find {REPOSITORY}.rewound | sort").stdout
    said = cabinet.ssh("desk", "", "rewound; id; echo over > /srv/backup/desk.rewound/x")
    assert "uid=" not in said
    repo = "-o rclone.args=rewound"
    cabinet.restic("desk", *repo.split(), "backup", "--host", "x", "/etc/hostname", check=False)
    assert cabinet.server.run(f"find {REPOSITORY}.rewound | sort").stdout == before
