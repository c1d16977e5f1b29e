"""A drill proves copies by their bytes, and goes red for everything that would lose them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from copies import PATIENTS, Cabinet

from lab import place

KEY = ("--identity", place.KEYS / "t.leroy")
REPOSITORY = "/srv/backup/chair"
LEDGER = "/var/lib/rempart-ingest/chair--cabinet"


def drilled(cabinet: Cabinet) -> tuple[int, dict[str, Any]]:
    """Return the exit code of a drill of the chair, and what it says."""
    done = cabinet.backup("drill", "chair", "--within", "1", "--json")
    assert "Traceback" not in done.stderr, done.stderr
    (found,) = json.loads(done.stdout)
    return done.returncode, found


def test_copies_are_proven_and_measured(cabinet: Cabinet) -> None:
    code, found = drilled(cabinet)
    assert (code, found["wrong"]) == (0, [])
    assert found["read"]["nonce"] is True
    assert 30 < found["read"]["same"] <= 50  # registre, canary, and most of forty pictures
    assert found["read"]["bytes"] > 600_000
    assert found["read"]["seconds"] > 0
    assert 0 <= found["rpo_s"] < 3600
    left = cabinet.hosts["chair"].run("ls /var/lib/rempart-backup").stdout.split()
    assert "drill" not in left


PACKS = f"find {REPOSITORY}/data -type f -size +100k"
KEPT = f"cp -a {REPOSITORY}/data /root/data"
MENDED = (
    f"mv {REPOSITORY}/data /root/broken; mv /root/data {REPOSITORY}/data;"
    f" cp -an /root/broken/. {REPOSITORY}/data/; rm -r /root/broken {LEDGER}.*"
)
"""Good packs come back, and those stay that the drill itself has brought."""

SABOTAGE = {
    "packs that are corrupt": (
        "srv",
        f"{KEPT}; for each in $({PACKS}); do"
        " printf junk | dd of=$each bs=1 seek=5000 conv=notrunc status=none; done",
        MENDED,
        "reading it back failed",
    ),
    "packs that are gone": (
        "srv",
        f"{KEPT}; rm $({PACKS})",
        MENDED,
        "reading it back failed",
    ),
    "a wrong password": (
        "chair",
        "cp -p /etc/rempart-backup/cabinet/password /root/kept;"
        " echo other > /etc/rempart-backup/cabinet/password",
        "mv /root/kept /etc/rempart-backup/cabinet/password",
        "the backup failed",
    ),
    "a source that is empty": (
        "chair",
        f"mkdir /root/away && mv {PATIENTS}/* /root/away/",
        f"mv /root/away/* {PATIENTS}/ && rmdir /root/away",
        f"no file of it is in the backup: {PATIENTS}",
    ),
    "an index that is junk": (
        "srv",
        f"echo junk > {REPOSITORY}/index/{'8' * 64}; chmod 444 {REPOSITORY}/index/{'8' * 64}",
        f"rm {REPOSITORY}/index/{'8' * 64} {LEDGER}.*",
        "the backup failed",
    ),
    "a host that only says that it backs up": (
        "chair",
        "cp /etc/rempart-backup/client/run.py /root/kept; sed -i"
        """ 's/_when_powered(.*present)/0, {"snapshot_id": "5" * 64}, [], ""/'"""
        " /etc/rempart-backup/client/run.py",
        "mv /root/kept /etc/rempart-backup/client/run.py",
        "nothing new has arrived at the server",
    ),
}
"""Where, what is done, what mends it, and what the drill says."""


@pytest.mark.parametrize("name", SABOTAGE)
def test_sabotage_is_red(cabinet: Cabinet, name: str) -> None:
    host, do, mend, said = SABOTAGE[name]
    cabinet.hosts[host].run(do)
    try:
        code, found = drilled(cabinet)
    finally:
        cabinet.hosts[host].run(mend)
    assert code == 2
    assert any(why.startswith(said) for why in found["wrong"]), found


NOTICED = {
    "corrupt-pack": "decrypting blob",
    "missing-pack": "<data/",
    "wrong-password": "wrong password or no key found",
    "stale-snapshot": "failed to load snapshot",
    "empty-source": "no file of it is in the backup: /home",
    "poisoned-index": "<data/|decrypting blob",
}
MODES = [word for mode in NOTICED for word in ("--sabotage", mode)]


def test_drill_shows_that_it_notices_and_no_copy_is_touched(cabinet: Cabinet) -> None:
    tree = "find /srv/backup /srv/copies -type f ! -path '*/locks/*' -exec sha256sum {} + | sort"
    servers = ("srv", "far")
    before = [set(cabinet.hosts[name].run(tree).stdout.splitlines()) for name in servers]
    done = cabinet.rempart("backup", "drill", cabinet.inventory, "chair", "--json", *MODES, *KEY)
    after = [set(cabinet.hosts[name].run(tree).stdout.splitlines()) for name in servers]
    found = json.loads(done.stdout)
    assert (done.returncode, len(found)) == (0, 2), done.stdout + done.stderr
    for each in found:
        assert each["ok"], each
        for mode, said in NOTICED.items():
            assert re.search(said, each["sabotage"][mode][0]), each["sabotage"]
    assert all(old <= new for old, new in zip(before, after, strict=True))
    assert not any(".sabotaged" in line for lines in after for line in lines)
    record = cabinet.hosts["chair"].run("cat /var/lib/rempart-backup/cabinet.drill.json").stdout
    assert json.loads(record)["error"] == ""


def test_drill_that_does_not_notice_is_red(cabinet: Cabinet) -> None:
    """A host reads the repository itself, and so what is whole."""
    program = "/etc/rempart-backup/client/drill.py"
    chair = cabinet.hosts["chair"]
    chair.run(f"cp {program} /root/kept; sed -i 's/rclone.args=sabotaged/rclone.args=x/' {program}")
    try:
        done = cabinet.backup(
            "drill", "chair", "--target", "cabinet", "--sabotage", "missing-pack", *KEY
        )
    finally:
        chair.run(f"mv /root/kept {program}")
    assert done.returncode == 2
    assert "chair: cabinet: missing-pack: NOT noticed" in done.stdout


def test_drill_is_green_again_after_all_that(cabinet: Cabinet) -> None:
    code, found = drilled(cabinet)
    assert (code, found["wrong"]) == (0, [])
