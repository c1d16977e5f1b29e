"""Two at once: a second controller, and a confirmation that comes while the host reverts."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import practice
from patient import Patient, assert_as_before, wait_until

from lab.host import Host
from rempart.engine.guard import GRACE_S
from rempart.engine.remote import shell


def test_second_controller_stops_at_an_armed_guard(patient: Patient) -> None:
    first = patient.apply("proof_never_ends", window_s=20)
    wait_until(lambda: patient.has("switched"), 60, first)

    second = practice.rempart("apply", patient.inventory, "--yes")

    assert second.returncode == 1
    assert "armed" in second.stderr
    assert "wait for it" in second.stderr
    os.killpg(first.pid, signal.SIGKILL)
    wait_until(patient.is_back, 20 + GRACE_S)
    assert_as_before(patient)


def test_confirming_and_reverting_at_once_has_one_winner(fresh_host: Callable[..., Host]) -> None:
    host = fresh_host(practice.READY)
    library = "".join(map(shell, ("lib", "tidy", "guard")))
    host.run("mkdir -m 700 /var/lib/rempart; cat > /root/guard.sh", input=library)
    host.run("cat > /root/revert.sh", input=shell("tidy") + shell("revert"))
    race = """
        in_guard() { ( . /root/guard.sh; precheck() { :; }; "$@" ); }
        echo : | base64 | in_guard guard_open $1 me
        echo 'echo new > /etc/raced' | base64 | in_guard guard_stage $1 0 race path:/etc/raced
        base64 /root/revert.sh | in_guard guard_switch $1 60 nonce >/dev/null
        { sleep $2; in_guard guard_confirm nonce 2>&1 | tail -n1 > /root/answer; } &
        sleep $3; sh /var/lib/rempart/guard/revert timer 2>/dev/null; wait
        cat /root/answer; ls /etc/raced /var/lib/rempart/guard 2>/dev/null; rm -f /etc/raced
    """
    # Either has the lead in turn: none to tell them apart by, then so much that it surely wins.
    lead = ["0", "0.005", "0.01", "0.02", "0.04", "0.08", "2"]
    waits = [f"0 {each}" for each in lead] + [f"{each} 0" for each in lead]
    kept = "confirmed /etc/raced /var/lib/rempart/guard: confirmed run"
    undone = "the host had already put everything back /var/lib/rempart/guard: reverted run"
    outcomes = {
        " ".join(host.run(f"set -- {turn} {wait}; {race}", check=False).stdout.split())
        for turn, wait in enumerate(waits)
    }
    assert outcomes == {kept, undone}
