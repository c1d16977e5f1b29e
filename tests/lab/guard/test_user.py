"""An ordinary login on the host reads, changes, triggers and delays nothing of an armed guard."""

from __future__ import annotations

import shlex
import subprocess

import pytest
from patient import (
    GUARD,
    WINDOW_S,
    Patient,
    assert_a_clean_run_succeeds,
    assert_as_before,
    wait_until,
)

from rempart.engine.guard import GRACE_S

ATTEMPTS = [
    "ls /var/lib/rempart",
    f"ls {GUARD}",
    f"cat {GUARD}/armed",
    f"cat {GUARD}/revert",
    "ls /var/lib/rempart/originals",
    "ls /run/rempart",
    "touch /run/rempart/lock",
    f"flock -n {GUARD} true",
    "flock -n /var/lib/rempart true",
    "flock -n /run/rempart true",
    "flock -n /run/rempart/lock true",
    "systemctl --no-ask-password stop rempart-guard.timer",
    "systemctl --no-ask-password start rempart-guard.service",
    "systemctl --no-ask-password kill --signal=KILL rempart-guard.service",
    "systemctl --no-ask-password mask rempart-guard-boot.service",
    "systemd-run --no-ask-password true",
    "touch /etc/.rempart-guard.1",
    f"mv {GUARD} /tmp",
    "sudo -n true",
]


def as_mallory(patient: Patient, command: str) -> subprocess.CompletedProcess[str]:
    return patient.host.run(f"runuser -u mallory -- sh -c {shlex.quote(command)}", check=False)


@pytest.fixture
def visited(patient: Patient) -> Patient:
    """A patient on which `mallory` has an account with a shell."""
    patient.host.run("useradd --create-home --shell /bin/bash mallory")
    patient.before = patient.snapshot()
    return patient


def test_user_can_neither_read_nor_stop_nor_trigger_the_guard(visited: Patient) -> None:
    run = visited.apply("proof_never_ends")
    wait_until(lambda: visited.has("switched"), 60, run)
    nonce = visited.host.run(f"cat {GUARD}/armed").stdout.strip()
    succeeded = [each for each in ATTEMPTS if as_mallory(visited, each).returncode == 0]
    seen = as_mallory(visited, "cat /proc/*/cmdline /proc/*/environ; ps axeww").stdout
    seen += as_mallory(visited, "systemctl show 'rempart-guard*'; journalctl --no-pager").stdout

    assert as_mallory(visited, "id").returncode == 0
    assert succeeded == []
    assert len(nonce) == 32
    assert nonce not in seen
    # What she writes into the log is no revert.
    as_mallory(visited, "logger -t rempart 'everything is as before'")
    assert visited.is_armed()
    wait_until(visited.is_back, WINDOW_S + GRACE_S)
    assert_as_before(visited)


def test_user_who_fills_tmp_keeps_no_change_from_being_made(visited: Patient) -> None:
    visited.host.run("mount -t tmpfs -o size=1m,mode=1777 tmpfs /tmp")
    as_mallory(visited, "dd if=/dev/zero of=/tmp/filler")
    assert as_mallory(visited, "echo more > /tmp/more").returncode != 0
    assert_a_clean_run_succeeds(visited)


@pytest.mark.parametrize(
    ("path", "trap", "risky"),
    [
        ("/home/mallory/notes", "ln -s /etc/shadow notes", "harmless"),
        ("/home/mallory/notes", "ln /var/tmp/hers notes", "risky"),
        ("/home/mallory/way/notes", "mkdir way; ln -s /etc/shadow way/.rempart-guard.1", "risky"),
    ],
)
def test_root_writes_in_no_folder_of_a_user(
    visited: Patient, path: str, trap: str, risky: str
) -> None:
    """Whatever she puts in the way of a file that a policy wants there, no link is followed."""
    as_mallory(visited, f"cd && echo mine > /var/tmp/hers && {trap}")
    visited.before = visited.snapshot()
    run = visited.apply(f"wants_a_file:{path}:{risky}")
    said, _ = run.communicate(timeout=120)

    assert run.returncode == 1
    assert f"{path}: others than root may write in /home/mallory" in said
    assert visited.logs_in()
    assert_as_before(visited)
