"""Somebody is root on a host, with its backup key and its repository's password: what he can do.

Judged on the server, from its own files: whatever had arrived is there to the last byte.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from copies import AS_ROOT, CURL, PATIENTS, Cabinet

from lab import place

KEY = ("--identity", place.KEYS / "t.leroy")
REPOSITORY = "/srv/backup/desk"
TREE = f"find {REPOSITORY} -type f ! -path '*/locks/*' -exec sha256sum {{}} +"
"""Locks come and go."""


def tree(cabinet: Cabinet) -> set[str]:
    found = set(cabinet.server.run(TREE).stdout.splitlines())
    assert len(found) > 5, found
    return found


@contextmanager
def nothing_lost(cabinet: Cabinet) -> Iterator[None]:
    """See that all that had arrived before is there after, as it was."""
    before = tree(cabinet)
    yield
    assert before <= tree(cabinet)


def latest(cabinet: Cabinet, kind: str) -> str:
    """Return the newest object of a kind, as a path below the repository."""
    folder = f"{REPOSITORY}/{kind}"
    found = cabinet.server.run(f"cd {folder} && find . -type f -printf '%T@ %P\\n' | sort -n")
    return f"{kind}/{found.stdout.split()[-1]}"


@pytest.mark.parametrize(
    "words",
    [
        ("forget", "latest"),
        ("forget", "--keep-last", "1", "--prune"),
        ("prune",),
        ("rebuild-index",),
    ],
    ids=lambda words: words[0],
)
def test_history_cannot_be_taken(cabinet: Cabinet, words: tuple[str, ...]) -> None:
    with nothing_lost(cabinet):
        cabinet.restic("desk", *words, check=False)


def test_no_key_is_added(cabinet: Cabinet) -> None:
    cabinet.hosts["desk"].run("echo mine > /root/mine")
    with nothing_lost(cabinet):
        said = cabinet.restic(
            "desk", "key", "add", "--new-password-file", "/root/mine", check=False
        )
        keys = cabinet.server.run(f"ls {REPOSITORY}/keys").stdout.split()
    assert len(keys) == 1, said


@pytest.mark.parametrize("kind", ["config", "keys", "data", "index", "snapshots"])
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_object_is_neither_replaced_nor_deleted(cabinet: Cabinet, kind: str, method: str) -> None:
    path = latest(cabinet, kind) if kind != "config" else "config"
    parts = path.split("/")
    url = f"http://x/{parts[0]}/{parts[-1]}" if kind != "config" else "http://x/config"
    with nothing_lost(cabinet):
        done = cabinet.hosts["desk"].run(f"{CURL}\nrequest -X {method} -d junk {url}")
    assert done.stdout.strip() in ("403", "404", "405", "500"), done.stdout


def test_upload_that_is_held_open_replaces_nothing(cabinet: Cabinet) -> None:
    """The name is asked for before the object arrives, and the junk is sent after it has."""
    name = "5" * 64
    script = f"""{CURL}
    echo genuine > /root/genuine
    {{ sleep 4; echo junk; }} | request -X POST -T - http://x/data/{name} &
    held=$!
    sleep 1
    request -X POST --data-binary @/root/genuine http://x/data/{name}
    wait $held
    """
    with nothing_lost(cabinet):
        done = cabinet.hosts["desk"].run(script)
        kept = cabinet.server.run(f"cat {REPOSITORY}/data/55/{name}").stdout
    assert kept == "genuine\n", done.stdout


@pytest.mark.parametrize(
    "path", ["../chair/config", "..%2fchair%2fconfig", "%2e%2e/chair/config", "data/../../chair"]
)
def test_no_other_repository_is_reached(cabinet: Cabinet, path: str) -> None:
    script = (
        f"{CURL}\ncurl -sS -m 30 --path-as-is --http2-prior-knowledge --unix-socket /root/socket"
    )
    done = cabinet.hosts["desk"].run(f"{script} -w '%{{http_code}}' 'http://x/{path}' | tail -c 3")
    assert done.stdout in ("400", "403", "404", "405", "301"), done.stdout


ELSE = {
    "a command": ("", "id", "uid="),
    "a shell on a terminal": ("-tt", "id", "uid="),
    "a file": ("", "cat /etc/passwd", "root:x:"),
    "sftp": ("-s", "sftp", "sftp-server"),
    "forwarding": ("-W 127.0.0.1:22", "", "SSH-2.0"),
    "another repository": ("", "cat /srv/backup/chair/config | base64", "=="),
}
"""ssh's options, what is asked for, and what the answer would show."""


@pytest.mark.parametrize("wish", ELSE)
def test_key_is_good_for_nothing_else(cabinet: Cabinet, wish: str) -> None:
    options, words, shown = ELSE[wish]
    assert shown not in cabinet.ssh("desk", options, words)


def test_key_without_its_command_would_be_good_for_more(cabinet: Cabinet) -> None:
    """These attempts can succeed: they do where the server's line says nothing; init mends it."""
    keys = "/etc/ssh/ingest_keys.d/bk-desk"
    cabinet.server.run(f"sed -i 's/^restrict.*\" ssh-/ssh-/' {keys}")
    for wish in ("a command", "a file"):
        options, words, shown = ELSE[wish]
        assert shown in cabinet.ssh("desk", options, words)
    done = cabinet.init("desk")
    assert "keys bk-desk" in done.stdout, done.stdout + done.stderr
    assert "uid=" not in cabinet.ssh("desk", "", "id")


FLOOD = """
import subprocess

def frame(kind, flags, stream, content=b""):
    head = len(content).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big")
    return head + content

def text(word):
    return bytes([len(word)]) + word

def read():
    head = way.stdout.read(9)
    return head[3], head[4], way.stdout.read(int.from_bytes(head[:3], "big"))

way = subprocess.Popen("/root/way", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
way.stdin.write(b"PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n" + frame(4, 0, 0))
stream = 1
for batch in range(100):
    for number in range(100):
        path = b"/locks/%064d" % (10000 + 100 * batch + number)
        headers = b"\\x83\\x86\\x01" + text(b"x") + b"\\x04" + text(path)
        headers += b"\\x0f\\x0d" + text(b"1")
        way.stdin.write(frame(1, 4, stream, headers) + frame(0, 1, stream, b"x"))
        stream += 2
    way.stdin.flush()
    ended = 0
    while ended < 100:
        kind, flags, content = read()
        ended += kind == 3 or (kind in (0, 1) and flags & 1)
        if kind in (4, 6) and not flags & 1:
            way.stdin.write(frame(kind, 1, 0, content if kind == 6 else b""))
            way.stdin.flush()
"""
"""HTTP/2 by hand, RFC 9113: curl makes a connection, and so a session, for each object."""


def test_ten_thousand_locks_stop_no_restore(cabinet: Cabinet) -> None:
    flood = f"{AS_ROOT}\npython3 -c {shlex.quote(FLOOD)}"
    done = cabinet.hosts["desk"].run(flood, check=False, timeout_s=500)
    count = f"ls {REPOSITORY}/locks | wc -l"
    try:
        assert int(cabinet.server.run(count).stdout) == 10000, done.stderr
        back = cabinet.backup(
            "restore", "desk", f"{PATIENTS}/registre", "--into", "/root/locked", *KEY
        )
        assert back.returncode == 0, back.stdout + back.stderr
        cabinet.backed_up("chair")
    finally:
        cabinet.server.run(f"cd {REPOSITORY}/locks && find . -type f -delete")


SESSIONS = f"""{AS_ROOT}
for n in $(seq 100); do
    (sleep 25 | timeout 30 /root/way > /dev/null 2> /root/said.$n) &
done
sleep 15
"""


def test_a_hundred_sessions_of_one_host_stop_no_other(cabinet: Cabinet) -> None:
    desk, server = cabinet.hosts["desk"], cabinet.server
    with ThreadPoolExecutor() as pool:
        running = pool.submit(desk.run, f"{SESSIONS} wait", check=False, timeout_s=200)
        time.sleep(12)
        there = int(server.run("pgrep -cu bk-desk -x rclone", check=False).stdout)
        cabinet.backed_up("chair")
        running.result()
    assert 0 < there <= 12
    cabinet.backed_up("desk")


HOSTILE = "\033[2J\033]0;owned\007<script>alert(1)</script>\n| x |\u202e"


def test_names_that_are_escapes_and_html_are_inert(cabinet: Cabinet) -> None:
    """In a snapshot's host, path and tag, in a file's name, and in a file's name that is lost."""
    name = HOSTILE.replace("/", "_")
    quoted = shlex.quote(name)
    cabinet.hosts["desk"].run(f"cd /root && mkdir {quoted} && date > {quoted}/{quoted}")
    try:
        cabinet.restic("desk", "backup", "--host", HOSTILE, "--tag", "<b>", f"/root/{name}")
        shown = [
            cabinet.backup("list", "desk", *KEY),
            cabinet.backup("check", "desk", *KEY),
            cabinet.backup("status"),
            cabinet.backup("maintain", "desk", *KEY),
        ]
    finally:
        cabinet.hosts["desk"].run(f"rm -r /root/{quoted}")
        newest = f"cd {REPOSITORY}/snapshots && rm $(ls -t | head -1)"
        cabinet.server.run(f"{newest}; rm /var/lib/rempart-ingest/desk--cabinet.*")
    said = "".join(done.stdout + done.stderr for done in shown)
    assert "of another host" in shown[0].stdout
    assert not set("\033\007\u202e") & set(said), said
    assert "\n| x |" not in said
    assert "Traceback" not in said
    newest_good = cabinet.backup("restore", "desk", f"{PATIENTS}/registre", *KEY)
    assert newest_good.returncode == 0, newest_good.stdout + newest_good.stderr


PARTIAL = f"""{CURL}
name=$(printf %064d 77)
head -c 30000000 /dev/urandom > /root/pack
request --limit-rate 2M -X POST --data-binary @/root/pack http://x/data/$name &
sleep 2; pkill -9 -x curl; pkill -9 -x ssh
"""


def test_half_a_pack_hinders_nothing(cabinet: Cabinet) -> None:
    with nothing_lost(cabinet):
        cabinet.hosts["desk"].run(PARTIAL, check=False)
        cabinet.backed_up("desk")
    checked = cabinet.backup("check", "desk", *KEY)
    assert "whole" in checked.stdout, checked.stdout + checked.stderr


def test_key_of_one_host_does_not_open_anothers_account(cabinet: Cabinet) -> None:
    said = cabinet.ssh("desk", "-l bk-chair", "id")
    assert "Permission denied (publickey)" in said


def test_password_and_key_read_all_history(cabinet: Cabinet) -> None:
    """What cannot be helped: docs/backup.md says so."""
    cabinet.restic("desk", "restore", "latest", "--no-lock", "--target", "/root/stolen")
    cabinet.hosts["desk"].run("diff -r /srv/dossiers /root/stolen/srv/dossiers")
