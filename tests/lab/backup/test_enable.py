"""Backups are enabled, run, and come back."""

from __future__ import annotations

import pytest
from copies import PATIENTS, Cabinet

HOSTS = ("desk", "chair")


def test_nothing_runs_before_the_secrets_are_there(cabinet: Cabinet) -> None:
    assert cabinet.was_idle_without_secrets


def test_second_time_changes_nothing(cabinet: Cabinet) -> None:
    before = (cabinet.inventory.parent / "t.vault").read_bytes()
    done = cabinet.init()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("nothing to do") == 4
    assert (cabinet.inventory.parent / "t.vault").read_bytes() == before
    plan = cabinet.rempart("plan", cabinet.inventory)
    assert plan.returncode == 0, plan.stdout + plan.stderr


@pytest.mark.parametrize("host", HOSTS)
def test_backup_is_complete_and_comes_back(cabinet: Cabinet, host: str) -> None:
    result = cabinet.result(host)
    assert result["outcome"] == "complete", result
    cabinet.restic(host, "restore", result["snapshot"], "--target", "/root/back", "--no-lock")
    cabinet.hosts[host].run(f"diff -r {PATIENTS} /root/back{PATIENTS}")
    nonce = cabinet.hosts[host].run("cat /root/back/var/lib/rempart-backup/cabinet.nonce")
    assert nonce.stdout.split()[0] == result["nonce"]


def test_secrets_are_roots_alone(cabinet: Cabinet) -> None:
    found = cabinet.hosts["desk"].run("stat -c '%a %U:%G %n' /etc/rempart-backup/cabinet/*")
    assert {line.split(" /")[0] for line in found.stdout.splitlines()} == {"600 root:root"}


def test_missing_path_and_unread_file_are_named_and_no_success(cabinet: Cabinet) -> None:
    host = cabinet.hosts["desk"]
    host.run(f"mv {PATIENTS} /srv/away")
    try:
        done = cabinet.backup("run", "desk")
    finally:
        host.run(f"mv /srv/away {PATIENTS}")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "desk: cabinet: partial" in done.stdout
    assert f"is not there: {PATIENTS}" in done.stdout


def test_server_that_is_away_is_an_error_and_the_next_run_succeeds(cabinet: Cabinet) -> None:
    cabinet.server.run("systemctl stop ssh.service ssh.socket", check=False)
    try:
        done = cabinet.backup("run", "desk")
    finally:
        cabinet.server.run("systemctl start ssh.service")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "desk: cabinet: failed" in done.stdout
    assert cabinet.backup("run", "desk").returncode == 0


def test_status_is_fresh_and_counts(cabinet: Cabinet) -> None:
    before = {host: row["snapshots"] for host, row in cabinet.status().items()}
    cabinet.backed_up("desk")
    after = {host: row["snapshots"] for host, row in cabinet.status().items()}
    assert after == {"t/desk": before["t/desk"] + 1, "t/chair": before["t/chair"]}
    assert cabinet.backup("status").returncode == 0


def test_status_asks_each_server_once(cabinet: Cabinet) -> None:
    count = "journalctl -u ssh --since '1 hour ago' | grep -c 'Accepted publickey for rempart'"
    before = int(cabinet.server.run(count).stdout)
    cabinet.status()
    assert int(cabinet.server.run(count).stdout) == before + 1


def test_object_that_is_gone_or_changed_is_an_alarm(cabinet: Cabinet) -> None:
    """Nobody but the server's root can do that."""
    folder = "/srv/backup/chair/data"
    path = cabinet.server.run(f"find {folder} -type f | head -n1").stdout.strip()
    cabinet.settle("chair")
    cabinet.server.run(f"mv {path} /root/kept")
    try:
        row = cabinet.status()["t/chair"]
    finally:
        cabinet.server.run(
            f"mv /root/kept {path}; rm /var/lib/rempart-ingest/chair--cabinet.alarms"
        )
    assert row["outcome"] == "alarm"
    assert path.rpartition("/")[2] in row["detail"]


def test_copy_that_is_old_or_was_never_made_is_named(cabinet: Cabinet) -> None:
    """The server's clock counts, whatever a snapshot says of itself."""
    cabinet.server.run("mv /srv/backup/chair/snapshots /srv/backup/chair/kept")
    cabinet.server.run("mkdir /srv/backup/chair/snapshots")
    try:
        rows = {host: row["outcome"] for host, row in cabinet.status().items()}
        done = cabinet.backup("status")
    finally:
        cabinet.server.run(
            "rmdir /srv/backup/chair/snapshots;"
            " mv /srv/backup/chair/kept /srv/backup/chair/snapshots;"
            " rm /var/lib/rempart-ingest/chair--cabinet.*"
        )
    assert (done.returncode, rows["t/desk"]) == (2, "fresh")
    assert rows["t/chair"] in ("never", "alarm")
