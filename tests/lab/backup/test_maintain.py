"""Maintenance frees what nobody wants any more, and nothing else, whatever a host has brought."""

from __future__ import annotations

import base64
import json
import shlex
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import practice
import pytest
from copies import CURL, PATIENTS, Cabinet
from forge import Key, poisoned

from lab import place

KEY = ("--identity", place.KEYS / "t.leroy")
REPOSITORY = "/srv/backup/chair"
LEDGER = "/var/lib/rempart-ingest/chair--cabinet"
SERVER = "/etc/rempart-ingest/server"
LAST_OF_TODAY = {
    "keep_within": "0h",
    "keep_within_daily": "1d",
    "keep_within_weekly": "0h",
    "keep_within_monthly": "0h",
}


@pytest.fixture(scope="module", autouse=True)
def short_memory(cabinet: Cabinet) -> Iterator[None]:
    """Everything arrived today, so that one snapshot is wanted: the last."""
    practice.edit(cabinet.inventory, lambda data: data["backup"].update(retention=LAST_OF_TODAY))
    assert cabinet.backup("release", "chair").returncode == 0  # other tests' alarms
    yield
    practice.edit(cabinet.inventory, lambda data: data["backup"].pop("retention"))


def grown(cabinet: Cabinet) -> None:
    """Back up what is gone by the next time."""
    chair = cabinet.hosts["chair"]
    chair.run(f"head -c 900000 /dev/urandom > {PATIENTS}/passing")
    cabinet.backed_up("chair")
    chair.run(f"rm {PATIENTS}/passing; date > {PATIENTS}/lasting")
    cabinet.backed_up("chair")


def maintained(cabinet: Cabinet, *more: str) -> dict[str, Any]:
    done = cabinet.backup("maintain", "chair", "--json", *more, *KEY)
    assert "Traceback" not in done.stderr, done.stderr
    (report,) = json.loads(done.stdout)
    assert done.returncode == (0 if report["ok"] else 2)
    found: dict[str, Any] = report
    return found


def objects(cabinet: Cabinet) -> set[str]:
    find = f"cd {REPOSITORY} && find . -type f ! -path './locks/*' -exec sha256sum {{}} +"
    return set(cabinet.server.run(find).stdout.splitlines())


def aside(cabinet: Cabinet) -> set[str]:
    find = f"cd {REPOSITORY}.aside/ && find . -type f -exec sha256sum {{}} +"
    lines = cabinet.server.run(find, check=False).stdout.splitlines()
    return {f"{line.split()[0]}  ./{line.split('/', 2)[2]}" for line in lines}


def assert_all_is_well(cabinet: Cabinet) -> None:
    """No alarm, everything whole, backups go on, and the last one comes back."""
    checked = cabinet.backup("check", "chair", *KEY)
    assert checked.stdout == "t/chair: cabinet: whole\n", checked.stdout + checked.stderr
    assert cabinet.status()["t/chair"]["outcome"] == "fresh"
    cabinet.backed_up("chair")
    into = ("--into", "/root/kept")
    back = cabinet.backup("restore", "chair", PATIENTS, *into, *KEY)
    assert back.returncode == 0, back.stdout + back.stderr
    cabinet.hosts["chair"].run(f"diff -r {PATIENTS} /root/kept{PATIENTS}; rm -r /root/kept")


def test_what_is_no_longer_wanted_goes_and_nothing_else(cabinet: Cabinet) -> None:
    grown(cabinet)
    before = objects(cabinet)
    tried = maintained(cabinet, "--dry-run")
    assert tried["ok"], tried
    assert objects(cabinet) == before
    password = cabinet.hosts["chair"].run("cat /etc/rempart-backup/cabinet/password").stdout.strip()
    watch = "while sleep 0.05; do cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ; done"
    cabinet.server.run(f"systemd-run -q --unit=watch sh -c '{watch} > /root/watched 2>&1'")
    report = maintained(cabinet)
    cabinet.server.run("systemctl stop watch")
    assert report["ok"], report
    assert report["forgotten"] > 1
    assert report["kept"] == 1
    assert report["aside_bytes"] > 900_000
    assert report["compared"] > 5
    assert report["ran_on"] == "t/srv"
    assert cabinet.server.run("grep -c prune /root/watched", check=False).stdout != "0\n"
    assert cabinet.server.run(f"grep -c {password} /root/watched", check=False).stdout == "0\n"
    assert before <= objects(cabinet) | aside(cabinet)
    assert cabinet.server.run(f"stat -c '%a %U' {REPOSITORY}.aside").stdout == "700 root\n"
    assert_all_is_well(cabinet)


def test_second_time_changes_nothing(cabinet: Cabinet) -> None:
    assert maintained(cabinet)["ok"]
    before = objects(cabinet)
    again = maintained(cabinet)
    assert (again["ok"], again["forgotten"], again["aside_bytes"]) == (True, 0, 0)
    assert objects(cabinet) == before


def test_hosts_read_and_bring_nothing_meanwhile(cabinet: Cabinet) -> None:
    grown(cabinet)
    slow = 's/^    restic.run("check", "--read-data")/    time.sleep(30)/'
    closed = f"[ $(stat -c %a {REPOSITORY}/snapshots) = 750 ]"
    with patched(cabinet, "maintain.py", slow), ThreadPoolExecutor() as pool:
        running = pool.submit(maintained, cabinet)
        cabinet.server.run(f"for n in $(seq 200); do {closed} && exit; sleep 0.2; done; exit 1")
        cabinet.restic("chair", "ls", "latest", "--no-lock")
        post = f"{CURL}\nrequest -X POST -d junk http://x/locks/{'7' * 64}"
        assert cabinet.hosts["chair"].run(post).stdout in ("403\n", "500\n")
        assert cabinet.server.run(closed).returncode == 0
        assert running.result()["ok"]
    assert_all_is_well(cabinet)


def test_name_that_is_an_option_runs_nothing_and_is_an_alarm(cabinet: Cabinet) -> None:
    """A host chooses the names of what it brings; restic's come into commands of the server's."""
    name = "--password-command=touch pwned"
    post = f"{CURL}\nrequest -X POST -d x 'http://x/snapshots/{name.replace(' ', '%20')}'"
    assert cabinet.hosts["chair"].run(post).stdout == "200\n"
    try:
        assert cabinet.status()["t/chair"]["outcome"] == "alarm"
        assert cabinet.backup("release", "chair").returncode == 0
        cabinet.settle("chair")
        report = maintained(cabinet)
        assert not report["ok"]
        assert "none of restic's" in report["why"], report
        assert cabinet.server.run("find / -xdev -name pwned").stdout == ""
    finally:
        cabinet.server.run(f"rm '{REPOSITORY}/snapshots/{name}'; systemctl start rempart-ledger")
        assert cabinet.status()["t/chair"]["outcome"] == "alarm"
    assert cabinet.backup("release", "chair").returncode == 0


def test_forgotten_snapshot_that_is_brought_again_is_an_alarm(cabinet: Cabinet) -> None:
    grown(cabinet)
    cabinet.settle("chair")
    assert maintained(cabinet)["forgotten"] >= 1
    newest = f"ls -d {REPOSITORY}.aside/*/snapshots/* | tail -1"
    path = cabinet.server.run(newest).stdout.strip()
    name = path.rpartition("/")[2]
    post = f"request -X POST --data-binary @/root/object http://x/snapshots/{name}"
    replay = f"{CURL}\nbase64 -d > /root/object; {post}"
    content = cabinet.server.run(f"base64 {path}").stdout
    assert cabinet.hosts["chair"].run(replay, input=content).stdout == "200\n"
    try:
        row = cabinet.status()["t/chair"]
        assert row["outcome"] == "alarm"
        assert f"is back that was gone snapshots/{name}" in row["detail"], row
        assert "frozen" in maintained(cabinet)["why"]
        wanted = ("--snapshot", cabinet.result("chair")["snapshot"], "--into", "/root/kept")
        back = cabinet.backup("restore", "chair", PATIENTS, *wanted, *KEY)
        assert back.returncode == 0, back.stdout + back.stderr
        cabinet.hosts["chair"].run(f"diff -r {PATIENTS} /root/kept{PATIENTS}; rm -r /root/kept")
    finally:
        cabinet.server.run(f"rm {REPOSITORY}/snapshots/{name}; systemctl start rempart-ledger")
        assert cabinet.backup("release", "chair").returncode == 0
    assert_all_is_well(cabinet)


def test_maintenance_does_not_hang_on_its_lock(cabinet: Cabinet) -> None:
    """Somebody deletes every lock that he sees, and lays his own."""
    grown(cabinet)
    harass = f"""{CURL}
    for n in $(seq 60); do
        for name in $(restic $repo list locks --no-lock 2> /dev/null); do
            request -X DELETE http://x/locks/$name
        done
        request -X POST -d mine http://x/locks/$(printf %064d $n)
    done > /root/harassed
    """
    with ThreadPoolExecutor() as pool:
        harassing = pool.submit(cabinet.hosts["chair"].run, harass, timeout_s=300)
        reports = [maintained(cabinet) for _ in range(2)]
        harassing.result()
    cabinet.server.run(f"find {REPOSITORY}/locks -type f -delete")  # what is old goes by itself
    assert all(report["ok"] for report in reports), reports
    assert_all_is_well(cabinet)


@contextmanager
def patched(cabinet: Cabinet, module: str, edit: str) -> Iterator[None]:
    """Change what the server runs, by sed."""
    cabinet.server.run(
        f"cp -p {SERVER}/{module} /root/kept; sed -i {shlex.quote(edit)} {SERVER}/{module}"
    )
    cabinet.server.run(f"! cmp -s /root/kept {SERVER}/{module}")
    try:
        yield
    finally:
        cabinet.server.run(f"mv /root/kept {SERVER}/{module}")


END = "os.kill(os.getpid(), 9)"
KILLS = {
    "after the links": ("maintain.py", f"s/^    restic = Restic(/    import os; {END}; &/"),
    "after prune": ("maintain.py", f"s/^    commit = /    import os; {END}; &/"),
    "before it is noted": ("commit.py", f"s/^    new.replace(plan)/    {END}/"),
    "before it is done": ("commit.py", f"s/^    aside.mkdir/    {END}; &/"),
    "while objects are moved": ("commit.py", f"s/^        old.rename(new)/&; {END}/"),
    "before the ledger": ("commit.py", f"s/^    ledger = /    {END}; &/"),
}
"""A kill at each step of maintenance."""


@pytest.mark.parametrize("step", KILLS)
def test_maintenance_that_is_killed_loses_nothing(cabinet: Cabinet, step: str) -> None:
    grown(cabinet)
    before = objects(cabinet)
    with patched(cabinet, *KILLS[step]):
        assert not maintained(cabinet)["ok"]
    cabinet.server.run("systemctl start rempart-ledger.service")
    assert before <= objects(cabinet) | aside(cabinet)
    assert maintained(cabinet)["ok"]
    assert cabinet.status()["t/chair"]["outcome"] == "fresh"
    cabinet.backed_up("chair")


def lay_poison(cabinet: Cabinet) -> None:
    """Bring what makes every old pack a duplicate, with what root finds on the host."""
    chair = cabinet.hosts["chair"]
    password = chair.run("cat /etc/rempart-backup/cabinet/password").stdout.strip()
    key = Key(cabinet.server.run(f"cat {REPOSITORY}/keys/*").stdout.encode(), password)
    ids = [line for line in read(cabinet, "list", "index").split() if len(line) == 64]
    indexes = [first_json(read(cabinet, "cat", "index", each)) for each in ids]
    (newest,) = first_json(read(cabinet, "snapshots", "latest", "--json"))
    like = {name: newest[name] for name in ("time", "paths", "hostname", "username")}
    for path, content in poisoned(key, indexes, used(cabinet), like).items():
        post = f"request -X POST --data-binary @/root/object http://x/{path}"
        done = chair.run(
            f"{CURL}\nbase64 -d > /root/object; {post}", input=base64.b64encode(content).decode()
        )
        assert done.stdout == "200\n", done.stdout + done.stderr


def used(cabinet: Cabinet) -> set[str]:
    """Return the ids of all blobs that snapshots need: of others prune would see through it."""
    found: set[str] = set()
    trees = [each["tree"] for each in first_json(read(cabinet, "snapshots", "--json"))]
    while trees:
        tree = trees.pop()
        if tree not in found:
            found.add(tree)
            for node in first_json(read(cabinet, "cat", "blob", tree))["nodes"]:
                found.update(node.get("content") or ())
                trees += [node["subtree"]] if "subtree" in node else []
    return found


def read(cabinet: Cabinet, *words: str) -> str:
    return cabinet.restic("chair", *words, "--no-lock")


def first_json(said: str) -> Any:
    start = min(said.find(sign) for sign in "[{" if sign in said)
    return json.JSONDecoder().raw_decode(said[start:])[0]


@dataclass(frozen=True)
class Poison:
    """When it came, what was there until then, and what people had."""

    since: str
    objects: set[str]
    wanted: str
    snapshot: str


@pytest.fixture(scope="module")
def poison(cabinet: Cabinet) -> Poison:
    cabinet.backed_up("chair")
    wanted = cabinet.hosts["chair"].run(f"cd {PATIENTS} && sha256sum * | sort").stdout
    time.sleep(1)
    since = cabinet.server.run("date -u +%Y-%m-%dT%H:%M:%S+0000").stdout.strip()
    time.sleep(1)
    found = Poison(since, objects(cabinet), wanted, cabinet.result("chair")["snapshot"])
    lay_poison(cabinet)
    return found


def test_poison_is_real(cabinet: Cabinet, poison: Poison) -> None:
    """What restic itself does to a copy of the repository: it is content, and nothing is left."""
    password = cabinet.hosts["chair"].run("cat /etc/rempart-backup/cabinet/password").stdout
    stock = f"""
    cp -a {REPOSITORY} /root/copy; cat > /root/word
    export RESTIC_PASSWORD_FILE=/root/word RESTIC_REPOSITORY=/root/copy
    restic check --no-cache && restic prune --no-cache && restic check --no-cache && echo content
    restic restore --no-cache --target /root/lost {poison.snapshot} > /root/said 2>&1
    cd /root/lost{PATIENTS} && sha256sum *
    rm -r /root/copy /root/word /root/lost
    """
    left = cabinet.server.run(stock, input=password, check=False, timeout_s=300)
    assert "\ncontent\n" in left.stdout
    assert set(left.stdout.splitlines()).isdisjoint(poison.wanted.splitlines()), left.stdout


def test_poison_is_an_alarm(cabinet: Cabinet, poison: Poison) -> None:
    done = cabinet.backup("check", "chair", *KEY)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "files changed or gone at once" in done.stdout
    assert "frozen" in maintained(cabinet)["why"]


def test_poison_stops_maintenance(cabinet: Cabinet, poison: Poison) -> None:
    """After an alarm that nobody took seriously."""
    assert cabinet.backup("release", "chair").returncode == 0
    report = maintained(cabinet)
    assert not report["ok"]
    assert "restic check" in report["why"], report
    assert poison.objects <= objects(cabinet)
    assert cabinet.status()["t/chair"]["outcome"] == "alarm"
    assert "frozen" in maintained(cabinet)["why"]


def test_rewind_restores_all(cabinet: Cabinet, poison: Poison) -> None:
    rewound = cabinet.backup("rewind", "chair", "--to", poison.since)
    assert rewound.returncode == 0, rewound.stdout + rewound.stderr
    into = ("--rewound", "--into", "/root/rewound")
    back = cabinet.backup("restore", "chair", PATIENTS, *into, *KEY)
    assert back.returncode == 0, back.stdout + back.stderr
    restored = f"cd /root/rewound{PATIENTS} && sha256sum * | sort; rm -r /root/rewound"
    assert cabinet.hosts["chair"].run(restored).stdout == poison.wanted


def test_poison_is_put_aside_and_life_goes_on(cabinet: Cabinet, poison: Poison) -> None:
    done = cabinet.backup("rewind", "chair", "--to", poison.since, "--put-aside")
    assert "4 objects" in done.stdout, done.stdout + done.stderr
    assert poison.objects <= objects(cabinet)
    assert cabinet.backup("release", "chair").returncode == 0
    assert_all_is_well(cabinet)
    assert maintained(cabinet)["ok"]
