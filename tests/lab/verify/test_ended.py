"""`rempart verify` that is ended, or has trouble with one host: the others' results are whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import practice
import pytest
from patient import wait_until

from lab.host import Host
from lab.session import Session

SOON_S = 20
"""Until a verify that is ended has gone; on a quiet machine it takes one."""

CHECKED = ("SF-2", "FW-1")
"""The first is judged before the second one, for which `t/b` never answers nft."""

NEVER_ANSWERS = "touch /root/asked; exec sleep 1000"


@dataclass
class Pair:
    """Two enrolled hosts; `t/b` is what a test makes of it."""

    hosts: dict[str, Host]
    inventory: Path

    def verify(self, folder: Path, *, program: str = "", **more: Any) -> subprocess.Popen[str]:
        """Start `rempart verify --json` in a process group of its own, with a /tmp of its own.

        `program` is Python that runs before it in the same process.
        """
        start = "from rempart.cli import main; main()"
        controls = [word for control in CHECKED for word in ("--control", control)]
        return subprocess.Popen(
            [sys.executable, "-c", f"{program}\n{start}", "verify", self.inventory, "--json",
             *controls],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
            env=os.environ | {"TMPDIR": str(folder)}, **more,
        )  # fmt: skip


@pytest.fixture(scope="module")
def pair(lab: Session, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    hosts = dict(zip("ab", lab.fresh_hosts(2, practice.READY), strict=True))
    try:
        yield Pair(hosts, practice.enrolled(tmp_path_factory.mktemp("pair"), hosts))
    finally:
        for host in hosts.values():
            host.remove()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A /tmp of a run's own, with a short name: the path of a socket has 108 bytes, unix(7)."""
    with tempfile.TemporaryDirectory(prefix="v") as name:
        yield Path(name)


@pytest.fixture
def stuck(pair: Pair) -> Iterator[Pair]:
    """`t/b` never answers the second check."""
    b, nft = pair.hosts["b"], "/usr/sbin/nft"
    script = f"#!/bin/sh\n{NEVER_ANSWERS}\n"
    b.run(f"mv {nft} {nft}.kept; cat > {nft}; chmod 755 {nft}; rm -f /root/asked", input=script)
    yield pair
    b.run(f"pkill -f 'sleep 100[0]'; mv -f {nft}.kept {nft}")


def of_folder(folder: Path) -> dict[int, str]:
    """Return the command lines of all processes that work in a folder, suites and ssh's alike."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if str(folder) in words and int(entry.name) != os.getpid():
                found[int(entry.name)] = words
    return found


def waits_for_b_alone(pair: Pair, folder: Path) -> Callable[[], bool]:
    """Return what tells whether all is done but the check that `t/b` never answers."""
    begun = False

    def tell() -> bool:
        nonlocal begun
        at_a = any("--hostname=a " in each for each in of_folder(folder).values())
        begun = begun or at_a
        asked = pair.hosts["b"].run("test -e /root/asked", check=False).returncode == 0
        return begun and not at_a and asked

    return tell


def ignoring() -> None:
    """Be started as by nohup or in a script's background."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def usual() -> None:
    for each in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(each, signal.SIG_DFL)


def ctrl_c(run: subprocess.Popen[str]) -> None:
    """Do as a terminal does: all of its processes get the signal."""
    os.killpg(run.pid, signal.SIGINT)


def terminate(run: subprocess.Popen[str]) -> None:
    run.send_signal(signal.SIGTERM)


def results_of(run: subprocess.Popen[str]) -> dict[str, dict[str, set[str]]]:
    """Return what came out: ``{"t/a": {"FW-1": {"pass"}}}``; all that was said must be JSON."""
    said, complaints = run.communicate(timeout=SOON_S)
    assert "Traceback" not in complaints
    document = json.loads(said)
    assert document["ok"] is False
    found: dict[str, dict[str, set[str]]] = {}
    for host, records in document["hosts"].items():
        for record in records:
            found.setdefault(host, {}).setdefault(record["control"], set()).add(record["result"])
            if record["check"] == "The checks ran to their end":
                found[host][record["control"]].add(record["actual"])
    return found


def assert_a_is_whole(found: dict[str, dict[str, set[str]]]) -> None:
    """`t/a` is a stock host: judged, not green, and to the end."""
    assert found["t/a"].keys() == set(CHECKED)
    assert "fail" in found["t/a"]["FW-1"]
    assert found["t/a"]["SF-2"] <= {"pass", "fail"}


def assert_nothing_is_left(folder: Path) -> None:
    began = time.monotonic()
    while left := of_folder(folder):
        assert time.monotonic() - began < 5, left
        time.sleep(0.1)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("end", "started", "code"),
    [(ctrl_c, usual, 130), (terminate, usual, 143), (terminate, ignoring, 143)],
    ids=["ctrl-c", "sigterm", "sigterm-under-nohup"],
)
def test_verify_ends_within_seconds_and_keeps_what_it_found(
    stuck: Pair,
    folder: Path,
    end: Callable[[subprocess.Popen[str]], None],
    started: Callable[[], None],
    code: int,
) -> None:
    run = stuck.verify(folder, preexec_fn=started)
    try:
        wait_until(waits_for_b_alone(stuck, folder), 120, run)
        end(run)
        found = results_of(run)
    finally:
        for pid in [run.pid, *of_folder(folder)] if run.poll() is None else []:
            os.kill(pid, signal.SIGKILL)
    assert run.returncode == code
    assert_a_is_whole(found)
    assert "pass" in found["t/b"]["SF-2"] or "fail" in found["t/b"]["SF-2"]
    assert "interrupted" in found["t/b"]["SF-2"]
    assert found["t/b"]["FW-1"] == {"error", "interrupted"}
    assert_nothing_is_left(folder)


def test_second_ctrl_c_leaves_nothing_either(stuck: Pair, folder: Path) -> None:
    run = stuck.verify(folder, preexec_fn=usual)
    wait_until(waits_for_b_alone(stuck, folder), 120, run)
    ctrl_c(run)
    ctrl_c(run)
    run.communicate(timeout=SOON_S)
    assert run.returncode == 130
    assert_nothing_is_left(folder)


def test_suite_that_is_killed_is_its_hosts_trouble_alone(stuck: Pair, folder: Path) -> None:
    run = stuck.verify(folder, preexec_fn=usual)
    wait_until(waits_for_b_alone(stuck, folder), 120, run)
    for pid, words in of_folder(folder).items():
        if "--hostname=b " in words:
            os.kill(pid, signal.SIGKILL)
    found = results_of(run)
    assert run.returncode == 1
    assert_a_is_whole(found)
    assert any(each.startswith("exit -9") for each in found["t/b"]["FW-1"])
    assert any(each.startswith("exit -9") for each in found["t/b"]["SF-2"])


def test_host_that_goes_away_is_its_own_trouble_alone(stuck: Pair, folder: Path) -> None:
    b = stuck.hosts["b"]
    run = stuck.verify(folder, preexec_fn=usual)
    wait_until(waits_for_b_alone(stuck, folder), 120, run)
    b.run("systemctl stop ssh.socket ssh.service; pkill -KILL sshd; true")
    try:
        said, _ = run.communicate(timeout=120)
    finally:
        b.run("systemctl start ssh.service")
        b.wait_until_ready()
    hosts = json.loads(said)["hosts"]
    assert run.returncode == 1
    lost = [record for record in hosts["t/b"] if record["control"] == "FW-1"]
    assert {record["result"] for record in lost} == {"error"}
    assert any("connection lost" in record["actual"] for record in lost)
    assert {record["result"] for record in hosts["t/a"] if record["control"] == "SF-2"} <= {
        "pass",
        "fail",
    }


FAULT = """
from gevent import monkey; monkey.patch_all()
from rempart.verify import {module}
original = {module}.{function}
def faulty(first, *given, **more):
    if getattr(first, 'name', '').endswith({host!r}):
        raise UnicodeDecodeError('utf-8', b'\\x9b', 0, 1, 'made up\\x9b')
    return original(first, *given, **more)
{module}.{function} = faulty
"""


def test_exception_is_its_hosts_trouble_alone(pair: Pair, folder: Path) -> None:
    """What nobody has thought of: here a host's bytes that fail in our own process."""
    fault = FAULT.format(module="attempt", function="log_in", host="t/b")
    run = pair.verify(folder, program=fault, preexec_fn=usual)
    said, complaints = run.communicate(timeout=120)
    assert "Traceback" not in complaints
    hosts = json.loads(said)["hosts"]
    assert run.returncode == 1
    assert {record["control"] for record in hosts["t/b"]} == set(CHECKED)
    for record in hosts["t/b"]:
        assert record["result"] == "error"
        assert "internal error: UnicodeDecodeError" in record["actual"]
        assert "\x9b" not in record["actual"]
    assert {record["control"] for record in hosts["t/a"]} == set(CHECKED)
    assert all(record["check"] != "The checks ran to their end" for record in hosts["t/a"])
