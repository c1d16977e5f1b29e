"""What a host had comes back on another machine, and when a whole server is lost."""

from __future__ import annotations

from copies import PATIENTS, Cabinet

from lab import place

KEY = ("--identity", place.KEYS / "t.leroy")
DIGESTS = f"cd {PATIENTS} && find . -type f -exec sha256sum {{}} + | sort"


def test_another_host_restores_with_what_it_is_lent(cabinet: Cabinet) -> None:
    desk, chair = cabinet.hosts["desk"], cabinet.hosts["chair"]
    cabinet.backed_up("chair")
    keys = "cat /etc/ssh/ingest_keys.d/bk-chair"
    before = cabinet.server.run(keys).stdout
    refused = cabinet.backup("restore", "chair", "--on", "nobody", *KEY)
    assert refused.returncode == 1
    assert "there is no such host" in refused.stderr
    where = f"{PATIENTS}"
    done = cabinet.backup("restore", "chair", where, "--on", "desk", "--into", "/root/theirs", *KEY)
    assert done.returncode == 0, done.stdout + done.stderr
    wanted = chair.run(DIGESTS).stdout
    assert desk.run(f"cd /root/theirs && {DIGESTS.replace('cd /', 'cd ./')}").stdout == wanted
    assert cabinet.server.run(keys).stdout == before
    password = chair.run("cat /etc/rempart-backup/cabinet/password").stdout.strip()
    found = desk.run(f"grep -rlF {password} /run /tmp /var /etc /root 2> /dev/null", check=False)
    assert found.stdout == ""


def test_everything_comes_back_when_the_server_here_is_lost(cabinet: Cabinet) -> None:
    """Somebody is root on the server: its copies are gone, the other place's are not his."""
    chair = cabinet.hosts["chair"]
    cabinet.done("backup", "run", cabinet.inventory)
    wanted = chair.run(DIGESTS).stdout
    cabinet.server.run("mv /srv/backup /srv/encrypted")
    try:
        assert cabinet.status()["t/chair"]["outcome"] == "missing"
        into = ("--into", "/root/far", "--target", "loin")
        done = cabinet.backup("restore", "chair", PATIENTS, *into, *KEY)
    finally:
        cabinet.server.run("mv /srv/encrypted /srv/backup")
    assert done.returncode == 0, done.stdout + done.stderr
    assert chair.run(f"cd /root/far && {DIGESTS.replace('cd /', 'cd ./')}").stdout == wanted
    assert {row["outcome"] for row in cabinet.status().values()} == {"fresh"}
