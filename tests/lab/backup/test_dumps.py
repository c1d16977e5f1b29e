"""Databases are dumped before each backup, while they are used, and their dumps are restored."""

from __future__ import annotations

import pytest
from copies import AGENDA, HOOK, Cabinet

from lab import place

BACK = "/root/dumps/var/lib/rempart-dump"
KEY = ("--identity", place.KEYS / "t.leroy")


@pytest.fixture(scope="module")
def restored(cabinet: Cabinet) -> Cabinet:
    """The dumps of a backup that was made while somebody writes, brought back."""
    writer = (
        "import sqlite3, sys, time\n"
        "db = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "while True: db.execute('insert into visite values (-1)'); time.sleep(0.01)"
    )
    desk = cabinet.hosts["desk"]
    desk.run(f'systemd-run -q --unit=visitor --uid=m.durand python3 -c "{writer}" "{AGENDA}"')
    try:
        cabinet.backed_up("desk")
    finally:
        desk.run("systemctl stop visitor")
    into = ("--into", "/root/dumps")
    done = cabinet.backup("restore", "desk", "/var/lib/rempart-dump", *into, *KEY)
    assert done.returncode == 0, done.stdout + done.stderr
    return cabinet


def test_postgresql_comes_back_from_its_dump(restored: Cabinet) -> None:
    desk = restored.hosts["desk"]
    found = desk.run(f"ls {BACK}/postgresql/*").stdout.split()
    assert {"roles.sql", "dossiers%20d%27%C3%A9t%C3%A9.dump"} <= set(found)
    script = f"""
    set -e; cd /; pg() {{ runuser -u postgres -- "$@"; }}
    pg createdb again
    cat {BACK}/postgresql/*/dossiers*.dump | pg pg_restore -d again
    pg psql -XAtd again -c "select count(*), max(note) from acte"
    pg psql -XAtd "dossiers d'été" -c "select count(*), max(note) from acte"
    """
    back, before = desk.run(script).stdout.split()
    assert back == before
    assert back.startswith("5000|")
    assert "CREATE ROLE cabinet" in desk.run(f"cat {BACK}/postgresql/*/roles.sql").stdout


def test_mariadb_comes_back_from_its_dump(restored: Cabinet) -> None:
    script = f"""
    set -e
    count() {{ mariadb -BNe "select count(*), sum(crc32(bytes)) from \\`radio-été\\`.image"; }}
    count; mariadb -e 'drop database `radio-été`'
    mariadb < {BACK}/mariadb/radio-%C3%A9t%C3%A9.sql; count
    grep -c lecteur {BACK}/mariadb/mysql.sql
    """
    before, back, accounts = restored.hosts["desk"].run(script).stdout.splitlines()
    assert back == before
    assert back.startswith("3000\t")
    assert int(accounts) > 0


def test_sqlite_comes_back_whole_though_somebody_was_writing(restored: Cabinet) -> None:
    desk = restored.hosts["desk"]
    python = (
        "import glob, sqlite3\n"
        f"(copy,) = glob.glob('{BACK}/sqlite/*')\n"
        "db = sqlite3.connect(copy)\n"
        "print(db.execute('pragma integrity_check').fetchone()[0],"
        " db.execute('select count(*) from visite where n >= 0').fetchone()[0])"
    )
    assert desk.run(f'python3 -c "{python}"').stdout == "ok 2000\n"
    owners = desk.run("stat -c %U /home/m.durand/agenda*").stdout.split()
    assert set(owners) == {"m.durand"}, "she could not open her own file any more"


def test_what_a_program_exports_comes_back(restored: Cabinet) -> None:
    assert restored.hosts["desk"].run(f"cat {BACK}/hook/*").stdout == "exported\n"


def test_dumps_are_roots_alone(restored: Cabinet) -> None:
    open_ = "find /var/lib/rempart-dump -mindepth 1 -perm /077"
    assert restored.hosts["desk"].run(open_).stdout == ""


TROUBLE = {
    "a database that is down": (
        "systemctl stop postgresql@15-main",
        "systemctl start postgresql@15-main",
        "postgresql: cluster 15/main is down",
    ),
    "a program that fails": (
        f"echo 'echo no disk >&2; exit 3' >> {HOOK}",
        f"sed -i '$d' {HOOK}",
        "exit 3: no disk",
    ),
    "a program that others can change": (
        f"chmod 777 {HOOK}",
        f"chmod 755 {HOOK}",
        f"others than root can change {HOOK}; it was not run",
    ),
    "a file that is no database": (
        f'mv "{AGENDA}" /root/agenda; echo junk > "{AGENDA}"',
        f'mv /root/agenda "{AGENDA}"',
        "file is not a database",
    ),
}
"""What goes wrong, what mends it, and what is said."""


@pytest.mark.parametrize("name", TROUBLE)
def test_dump_that_fails_is_named_and_no_success(cabinet: Cabinet, name: str) -> None:
    do, mend, said = TROUBLE[name]
    desk = cabinet.hosts["desk"]
    desk.run(do)
    try:
        done = cabinet.backup("run", "desk")
    finally:
        desk.run(mend)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "desk: cabinet: partial" in done.stdout
    assert said in done.stdout
    assert cabinet.backup("run", "desk").returncode == 0
