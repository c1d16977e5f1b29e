"""SE-1 and AC-2: idle shells end, sudo keeps a log."""

from __future__ import annotations

import re
import secrets

import pytest

from rempart.verify.machine import Machine
from rempart.verify.proof import Proof

LONGEST_IDLE_S = 900


@pytest.mark.control("SE-1")
def test_idle_shells_end(machine: Machine, proof: Proof) -> None:
    """A login shell ends when nobody types, and cannot be told not to."""
    ask = "env -i HOME=/ bash -lc 'echo idle $TMOUT; (TMOUT=0) 2> /dev/null && echo changed; true'"
    said = machine.ask(ask).split()
    seconds = int(said[1]) if len(said) > 1 and said[1].isdigit() else 0
    holds = 0 < seconds <= LONGEST_IDLE_S and "changed" not in said
    seen = f"{seconds or 'no'} s" + (", can be changed" if "changed" in said else "")
    proof.that(holds, f"at most {LONGEST_IDLE_S} s, fixed", seen, "bash -l")


@pytest.mark.control("AC-2")
def test_sudo_keeps_a_log(machine: Machine, proof: Proof) -> None:
    """What is done with sudo stands in a log that only root reads."""
    word = secrets.token_hex(8)
    # On a terminal of its own, which sudo may ask for.
    machine.ask(f"script -qec 'sudo -n echo {word}' /dev/null")
    found = machine.ask(f"grep -c {word} /var/log/sudo.log", ok=(0, 1, 2)).strip()
    mode = machine.ask("stat -c '%U %a' /var/log/sudo.log", ok=(0, 1)).strip()
    logged = found.isdigit() and int(found) > 0
    private = re.fullmatch(r"root [0-7]?[0-7]00", mode) is not None
    seen = f"{'logged' if logged else 'not logged'}, log {mode or 'absent'}"
    proof.that(logged and private, "logged, root's alone", seen, "sudo, /var/log/sudo.log")
