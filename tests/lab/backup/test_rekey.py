"""Somebody who knew secrets shall know none: new repositories, and the old ones are frozen."""

from __future__ import annotations

import pytest
from copies import PATIENTS, Cabinet

from lab import place

KEY = ("--identity", place.KEYS / "t.leroy")
OTHER = "age1q62ryt04ntn9jcl7qwjs20kgkyekpjgkyvdgwfky5lfwq8530uzsezgncu"


@pytest.fixture(scope="module")
def rekeyed(cabinet: Cabinet) -> Cabinet:
    """The paper in the safe was seen by a thief."""
    cabinet.hosts["chair"].run("cp -a /etc/rempart-backup/cabinet /root/known")
    cabinet.backed_up("chair")
    cabinet.done(
        "vault", "rekey", cabinet.inventory, "--offline", f"neuf={OTHER}", "--remove", "coffre",
        "--yes", *KEY,
    )  # fmt: skip
    done = cabinet.init()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("frozen /srv/") == 4
    return cabinet


def test_what_was_known_opens_nothing(rekeyed: Cabinet) -> None:
    chair = rekeyed.hosts["chair"]
    way = (
        "ssh -F /dev/null -i /root/known/key -oUserKnownHostsFile=/root/known/known_hosts"
        f" -oBatchMode=yes bk-chair@{rekeyed.server.address} id"
    )
    assert "Permission denied (publickey)" in chair.run(way, check=False).stderr
    chair.run("! cmp /root/known/password /etc/rempart-backup/cabinet/password")


def test_old_repository_is_roots_alone_and_whole(rekeyed: Cabinet) -> None:
    server = rekeyed.server
    frozen = server.run("ls -d /srv/backup/chair.frozen/*/repository").stdout.strip()
    assert server.run("stat -c '%a %U' /srv/backup/chair.frozen").stdout == "700 root\n"
    password = rekeyed.hosts["chair"].run("cat /root/known/password").stdout
    check = f"restic --no-cache --repo {frozen} --password-file /dev/stdin check --no-lock"
    assert "no errors were found" in server.run(check, input=password).stdout


def test_backups_go_on_in_the_new_one(rekeyed: Cabinet) -> None:
    rekeyed.backed_up()
    assert {row["outcome"] for row in rekeyed.status().values()} == {"fresh"}
    back = rekeyed.backup("restore", "chair", PATIENTS, "--into", "/root/renewed", *KEY)
    assert back.returncode == 0, back.stdout + back.stderr
    rekeyed.hosts["chair"].run(f"diff -r {PATIENTS} /root/renewed{PATIENTS}")


def test_second_time_changes_nothing(rekeyed: Cabinet) -> None:
    done = rekeyed.init()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("nothing to do") == 4
    assert rekeyed.rempart("plan", rekeyed.inventory).returncode == 0
