"""The lock's sh with its folders moved: how a command takes, keeps and gives it back."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from lab.requirements import program
from rempart.engine.lock import Lock, at_work, last_run, left_behind
from rempart.engine.remote import whole
from rempart.resources import Observation

FIRST = Lock(run="first", owner="t.leroy@pc-07")
SECOND = Lock(run="second", owner="c.diallo@pc-08")


def run(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    text = whole(script, "lock").replace("/var/lib/rempart", str(folder))
    text = text.replace("/run/rempart", str(folder))
    return subprocess.run(
        [program("sh"), "-s"], input=text, capture_output=True, text=True, check=False, timeout=30
    )


def seen(folder: Path) -> str:
    """Return the last run and its phase, as the observation says them."""
    said = run(folder, "probe_lock before\n").stdout
    return " ".join(said.split("\t")[2:4])


def test_first_command_takes_the_lock_and_others_are_refused(tmp_path: Path) -> None:
    assert seen(tmp_path) == "none free"
    assert run(tmp_path, FIRST.around("echo done\n", "none free")).stdout == "done\n"
    assert seen(tmp_path) == "first live"
    refused = run(tmp_path, SECOND.around("echo done\n", "first live"))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert re.match(
        r"t\.leroy@pc-07 has been at work on this host for \d+ s \(run first", refused.stderr
    )
    assert run(tmp_path, FIRST.around("echo more\n", "none free")).stdout == "more\n"


@pytest.mark.parametrize("end", ["false", "exit 3", "fail no", "no_such_command"])
def test_command_that_fails_gives_the_lock_back(tmp_path: Path, end: str) -> None:
    done = run(tmp_path, FIRST.around(f"{end}\necho not reached\n", "none free"))
    assert done.returncode != 0
    assert done.stdout == ""
    assert seen(tmp_path) == "first free"
    assert run(tmp_path, SECOND.around("", "first free")).returncode == 0


def test_run_that_is_over_frees_its_own_lock_alone(tmp_path: Path) -> None:
    run(tmp_path, FIRST.around("", "none free"))
    assert run(tmp_path, SECOND.freeing()).returncode == 0
    assert seen(tmp_path) == "first live"
    run(tmp_path, FIRST.freeing())
    assert seen(tmp_path) == "first free"


def test_run_that_came_since_makes_what_was_decided_void(tmp_path: Path) -> None:
    before = seen(tmp_path)
    run(tmp_path, FIRST.around("", before) + FIRST.freeing())
    late = run(tmp_path, SECOND.around("echo done\n", before))
    assert (late.returncode, late.stdout) == (1, "")
    assert "came since this run looked at the host" in late.stderr


def test_daemon_that_a_command_starts_does_not_keep_the_lock(tmp_path: Path) -> None:
    body = "sleep 100 > /dev/null 2>&1 &\necho $!\n"
    daemon = int(run(tmp_path, FIRST.around(body, "none free")).stdout)
    try:
        assert seen(tmp_path) == "first live"
        assert run(tmp_path, FIRST.around("", "none free")).returncode == 0
    finally:
        os.kill(daemon, signal.SIGKILL)


def test_command_at_work_keeps_the_lock_whatever_its_lease(tmp_path: Path) -> None:
    text = whole(
        Lock("first", "t.leroy@pc-07", 1).around("echo go; sleep 5\n", "none free"), "lock"
    )
    text = text.replace("/var/lib/rempart", str(tmp_path)).replace("/run/rempart", str(tmp_path))
    busy = subprocess.Popen(
        [program("sh"), "-s"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert busy.stdin
    assert busy.stdout
    busy.stdin.write(text)
    busy.stdin.close()
    assert busy.stdout.readline() == "go\n"
    refused = run(tmp_path, SECOND.around("", "first stale"))
    assert refused.stderr.endswith(f"a command of it runs now, process {busy.pid}); wait for it\n")
    assert busy.wait(30) == 0


def test_words_are_for_those_at_work_or_gone_silent_alone() -> None:
    def observed(phase: str) -> Observation:
        fields = ("first", phase, "words")
        return Observation({"lock": {"before": fields, "after": fields}})

    assert [at_work(observed(phase)) for phase in ("busy", "live", "stale", "free")] == [
        "words", "words", "", "",
    ]  # fmt: skip
    assert [left_behind(observed(phase)) for phase in ("live", "stale")] == ["", "words"]
    assert last_run(observed("free")) == "first free"
    assert at_work(Observation({})) == left_behind(Observation({})) == ""
