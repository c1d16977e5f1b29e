"""SE-1 and AC-2: idle shells end, sudo keeps a log and to its options."""

from __future__ import annotations

import re
import secrets

import pytest

from rempart.policy import Policy
from rempart.verify.machine import Machine
from rempart.verify.proof import Proof

LONGEST_IDLE_S = 900

# ANSSI-BP-028 v2, R39 and R41, as `sudo -l` writes them.
SUDO_OPTIONS = {"use_pty", "ignore_dot", "env_reset"}
STRICT_SUDO_OPTIONS = {"requiretty", "noexec", "umask=0077"}


@pytest.mark.control("SE-1")
def test_idle_shells_end(machine: Machine, proof: Proof) -> None:
    """A login shell ends when nobody types, and cannot be told not to."""
    ask = "env -i HOME=/ bash -lc 'echo idle $TMOUT; (TMOUT=0) 2> /dev/null && echo changed; true'"
    said = machine.ask(ask).split()
    seconds = int(said[1]) if len(said) > 1 and said[1].isdigit() else 0
    holds = 0 < seconds <= LONGEST_IDLE_S and "changed" not in said
    seen = f"{seconds or 'no'} s" + (", can be changed" if "changed" in said else "")
    proof.that(holds, f"at most {LONGEST_IDLE_S} s, fixed", seen, "bash -l")


@pytest.mark.control("SE-1")
def test_notice_is_shown(machine: Machine, policy: Policy, proof: Proof) -> None:
    """Whoever comes to log in reads that this is private, and which law says so."""
    if policy.baseline == "minimal":
        proof.does_not_apply("not asked for at baseline minimal", "policy")
        return
    # On a terminal of its own, as a console is.
    shown = "script -qec 'agetty --show-issue' /dev/null | grep -c 323-1"
    found = machine.ask(f"{shown}; grep -c 323-1 /etc/issue.net", ok=(0, 1, 2)).split()
    holds = len(found) == 2 and "0" not in found
    proof.that(holds, "the article's number, in both", " and ".join(found), "agetty --show-issue")


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


@pytest.mark.control("AC-2")
def test_sudo_has_its_options(machine: Machine, policy: Policy, proof: Proof) -> None:
    """sudo itself says that its safe options hold for root.

    Of two lines that differ it lists both, and the last one counts.
    """
    # On a terminal of its own, which sudo may ask for; that writes CRLF.
    said = "".join(machine.ask("script -qec 'sudo -n -l -U root' /dev/null").split("\r"))
    said = said.partition("\n\n")[0].partition(":\n")[2]
    options = re.split(r",\s+", said.strip())
    last = {option.lstrip("!").partition("=")[0]: option for option in options}
    wanted = SUDO_OPTIONS | (STRICT_SUDO_OPTIONS if policy.baseline == "enhanced" else set())
    missing = sorted(wanted - set(last.values()))
    expected = ", ".join(sorted(wanted))
    proof.that(not missing, expected, f"without {missing}" if missing else expected, "sudo -l")
