"""A host whose answers are an attacker's, and what must hold of everything that is said of it."""

from __future__ import annotations

import resource
import subprocess

from lab.host import Host

MEMORY = 1024**3
"""Bytes of address space that a run may use; without a hostile host it takes a quarter."""

ESC = r"\033]0;owned\007\033[2J"
REAL = "dash -s"
SHELLS = {
    "escape sequences": f"printf '{ESC}\\n'; {REAL}",
    "escape sequences in a fact": f"{REAL} | sed 's/^trait.os.*/trait\\tos\\tdeb\\o033[2Jian/'",
    "escape sequences on stderr": f"cat >/dev/null; printf '{ESC}\\n' >&2; exit 1",
    "rubbish": "cat >/dev/null; head -c 100000 /dev/urandom",
    "no answer": "cat >/dev/null",
    "an answer that was not asked for": "exec cat",
    "a cut answer": f"{REAL} | head -n 20",
    "an answer cut in a line": f"{REAL} | head -c 3000",
    "an answer without traits": f"{REAL} | grep -v ^trait",
    "an answer about half of the objects": f"{REAL} | grep -v '^unit'",
    "empty facts": f"{REAL} | cut -f1,2",
    "facts that are no numbers": f"{REAL} | sed 's/\\t81a4\\t/\\tzzzz\\t/'",
    "an endless answer": "yes",
    "an endless line": "tr '\\0' x < /dev/zero",
    "an endless word on stderr": "yes >&2",
    "millions of empty lines": f"head -c 16000000 /dev/zero | tr '\\0' '\\n'; {REAL}",
    "millions of facts": f"yes 'user\tx' | head -c 16000000; {REAL}",
    "an end in the middle": f"printf 'end\\tof\\tanswer\\n'; {REAL} | head -n 20",
}
"""What `sh -s` becomes on the host."""


def pervert(host: Host, shell: str) -> None:
    """Let `sh -s` be `shell` on the host; other uses of sh are as before."""
    script = f'#!/bin/bash\nif [ "$1" != -s ]; then exec dash "$@"; fi\n{shell}\n'
    host.run("cat > /usr/bin/sh.new && chmod 755 /usr/bin/sh.new", input=script)
    host.run("mv -fT /usr/bin/sh.new /usr/bin/sh")


def be_itself(host: Host) -> None:
    """Give the host its own `sh` back."""
    host.run("ln -sf dash /usr/bin/sh.new && mv -fT /usr/bin/sh.new /usr/bin/sh")


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def assert_harmless(done: subprocess.CompletedProcess[str]) -> None:
    """Check what must hold of everything that is printed while a host is hostile."""
    said = done.stdout + done.stderr
    assert "\x1b" not in said
    assert all(character.isprintable() or character in "\n\t" for character in said)
    assert "Traceback" not in said
    assert len(said) < 10_000
