"""verify sees a backup that is off, unsealed or late, and is green where all is well."""

from __future__ import annotations

import json

import pytest
from copies import Cabinet

BREAKS = {
    "the timer is off": (
        "desk",
        "BK-1",
        "systemctl stop rempart-backup@cabinet.timer",
        "systemctl start rempart-backup@cabinet.timer",
    ),
    "the last backup failed": (
        "desk",
        "BK-1 BK-2",
        "cp /var/lib/rempart-backup/cabinet.json /root/kept;"
        " sed -i s/complete/failed/ /var/lib/rempart-backup/cabinet.json",
        "mv /root/kept /var/lib/rempart-backup/cabinet.json",
    ),
    "the disk has no copy": (
        "desk",
        "BK-2",
        "mv /var/lib/rempart-backup/disque.json /root/kept",
        "mv /root/kept /var/lib/rempart-backup/disque.json",
    ),
    "the disk's copy is old": (
        "desk",
        "BK-2",
        "cp /var/lib/rempart-backup/disque.json /root/kept;"
        """ sed -i 's/"ended": "2/"ended": "1/' /var/lib/rempart-backup/disque.json""",
        "mv /root/kept /var/lib/rempart-backup/disque.json",
    ),
    "nobody asks for the disk": (
        "desk",
        "BK-1",
        "systemctl stop rempart-plugged@disque.timer",
        "systemctl start rempart-plugged@disque.timer",
    ),
    "nothing has arrived on the disk": (
        "srv",
        "BK-5",
        "mv /var/lib/rempart-ingest/chair--disque.ledger /root/kept",
        "mv /root/kept /var/lib/rempart-ingest/chair--disque.ledger",
    ),
    "a drill has failed": (
        "desk",
        "BK-4",
        "cp /var/lib/rempart-backup/cabinet.drill.json /root/kept; sed -i"
        """ 's/"nonce": true/"nonce": false/' /var/lib/rempart-backup/cabinet.drill.json""",
        "mv /root/kept /var/lib/rempart-backup/cabinet.drill.json",
    ),
    "no drill for long": (
        "desk",
        "BK-4",
        "cp /var/lib/rempart-backup/cabinet.drill.json /root/kept; sed -i"
        """ 's/"ended": "2/"ended": "1/' /var/lib/rempart-backup/cabinet.drill.json""",
        "mv /root/kept /var/lib/rempart-backup/cabinet.drill.json",
    ),
    "a dump failed": (
        "desk",
        "BK-6",
        "cp /var/lib/rempart-dump/result.json /root/kept;"
        """ echo '{"failed": ["postgresql"]}' > /var/lib/rempart-dump/result.json""",
        "mv /root/kept /var/lib/rempart-dump/result.json",
    ),
    "a dump is old": (
        "desk",
        "BK-6",
        "touch -d '3 days ago' /var/lib/rempart-dump/sqlite/*",
        "touch /var/lib/rempart-dump/sqlite/*",
    ),
    "an account owns its repository": (
        "srv",
        "BK-3",
        "chown bk-desk /srv/backup/desk/snapshots",
        "chown root /srv/backup/desk/snapshots",
    ),
    "a key may do more": (
        "srv",
        "BK-3",
        "cp /etc/ssh/ingest_keys.d/bk-desk /root/kept;"
        " sed -i 's/^restrict,//' /etc/ssh/ingest_keys.d/bk-desk",
        "cat /root/kept > /etc/ssh/ingest_keys.d/bk-desk",
    ),
    "a second key": (
        "srv",
        "BK-3",
        "cp /etc/ssh/ingest_keys.d/bk-desk /root/kept;"
        " echo ssh-ed25519 AAAA >> /etc/ssh/ingest_keys.d/bk-desk",
        "cat /root/kept > /etc/ssh/ingest_keys.d/bk-desk",
    ),
    "nothing has arrived": (
        "srv",
        "BK-5",
        "mv /srv/backup/chair/snapshots /root/moved; mkdir -m 1770 /srv/backup/chair/snapshots",
        "rmdir /srv/backup/chair/snapshots; mv /root/moved /srv/backup/chair/snapshots",
    ),
    "arrivals are not noted": (
        "srv",
        "BK-5",
        "systemctl stop rempart-ledger.timer",
        "systemctl start rempart-ledger.timer",
    ),
    "an alarm": (
        "srv",
        "BK-5",
        "echo '{}' > /var/lib/rempart-ingest/desk--cabinet.alarms",
        "rm /var/lib/rempart-ingest/desk--cabinet.alarms",
    ),
}
"""Host, controls, what breaks them, what mends it."""

CONTROLS = [word for number in range(1, 7) for word in ("--control", f"BK-{number}")]


@pytest.fixture(scope="module")
def proven(cabinet: Cabinet) -> Cabinet:
    cabinet.done("backup", "drill", cabinet.inventory)
    return cabinet


def test_all_is_well(proven: Cabinet) -> None:
    done = proven.rempart("verify", proven.inventory, *CONTROLS)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", BREAKS)
def test_break_is_red(proven: Cabinet, name: str) -> None:
    host, controls, do, mend = BREAKS[name]
    red = set(controls.split())
    proven.hosts[host].run(do)
    try:
        done = proven.rempart("verify", proven.inventory, "--host", host, "--json", *CONTROLS)
    finally:
        proven.hosts[host].run(mend)
    records = json.loads(done.stdout)["hosts"][f"t/{host}"]
    assert {each["control"] for each in records if each["result"] == "fail"} == red, records
