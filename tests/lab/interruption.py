"""Faults in time: a controller that dies at one of its commands, a host that stops at a line.

Part of `sabotage.py`, which says `gevent.monkey.patch_all()` before anything here is imported.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rempart.engine import connection, guard, remote
from rempart.engine.connection import Connection

LIBRARIES = [path.stem for path in Path(remote.__file__).parent.glob("*.sh")]

STOPPED = "/var/tmp/stopped"
"""On the host: it has stopped once, and goes on the next time, also after a reboot."""

POINTS = {
    "armed": ("guard", "exec 9< $guard\n"),
    "half the switch": ("guard", '[ -e $guard/armed ] || fail "time was up'),
    "confirmed": ("guard", "sync $guard; guard_disarm; guard_tidy\n  echo confirmed"),
    "revert begun": ("revert", "# Units that were not running stop"),
    "revert noted": ("revert", "came=nobody\nif mv -T armed reverting"),
    "revert, one file back": ("revert", "done <<LIST\n$(entries paths paths)"),
    "revert, before the daemons": ("revert", "# Whether sshd greets"),
    "revert, all but the mark": ("revert", "mv -T reverting reverted"),
    "reverted": ("revert", "guard_tidy; sync ."),
}
"""Where a host may be told to stop: before this text, which stands once in this file of remote/."""

ONLY_AT = {"half the switch": "case $staged in */0015) {};; esac\n    "}
"""Points that are passed more than once, and when to stop there."""


def name(stdin: bytes) -> str:
    """Return what a command does, by the function that it calls on the host.

    >>> name(b"guard_open 20261122T101500-0a1b2c3d t.leroy@pc-07")
    'guard_open'
    """
    text = stdin.decode()
    for library in sorted(LIBRARIES, key=lambda each: -len(remote.shell(each))):
        text = text.replace(remote.shell(library), "")
    if "end\\tof\\tanswer" in text:
        return "observe"
    calls = re.findall(r"^(?!lock_hold|check_file)[a-z]+_[a-z_]+ .*", text, re.MULTILINE)
    words = (calls or re.findall(r"^[a-z_]+(?: .*)?$", text, re.MULTILINE))[0].split()
    if words[0].startswith("guard_"):
        return words[0]
    if words[0].startswith("apt_"):
        return "packages"
    return " ".join(re.sub(r"\d{8}T\d{6}-[0-9a-f]{8}", "RUN", word) for word in words[:2])


def commands_are_noted(file: str) -> None:
    """Append the name of every command to a file when it is sent."""

    def note(number: int, name: str) -> Iterator[None]:
        with Path(file).open("a") as names:
            names.write(f"{name}\n")
        yield

    _around_commands(note)


def dies(moment: str, which: str) -> None:
    """SIGKILL this process while the command `which` is `sending`, when `sent`, or `answered`.

    `which` is its number, counted from 1, or its name. A command on its way is sent half.
    """

    def die(number: int, name: str) -> Iterator[None]:
        hit = which in (str(number), name)
        if hit:
            print(f"dies at: {name}", flush=True)
            if moment != "answered":
                connection._feed = _feed_and_die(half=moment == "sending")
        yield
        if hit:
            os.kill(os.getpid(), signal.SIGKILL)

    _around_commands(die)


def _around_commands(step: Callable[[int, str], Iterator[None]]) -> None:
    """Go one step before each command of this process, and the next one after its answer."""
    original, count = Connection._run, 0

    def counted(self: Connection, command: str, stdin: bytes, limit: int) -> connection.Result:
        nonlocal count
        count += 1
        steps = step(count, name(stdin))
        next(steps)
        result = original(self, command, stdin, limit)
        next(steps, None)
        return result

    Connection._run = counted  # type: ignore[method-assign]


def _feed_and_die(*, half: bool) -> Callable[[Any, bytes], None]:
    feed = connection._feed

    def die(channel: Any, stdin: bytes) -> None:
        if half:
            channel.sendall(stdin[: len(stdin) - 400])
        else:
            feed(channel, stdin)
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGKILL)

    return die


def stops(point: str) -> None:
    """Let the host's side of the guard stand still at a point, the first time it gets there."""
    file, text = POINTS[point]
    stop = f"if mkdir {STOPPED} 2>/dev/null; then sleep 1000; fi\n"
    stop = ONLY_AT.get(point, "{}").format(stop)
    shell = remote.shell
    assert shell(file).count(text) == 1, f"{text!r} does not stand once in {file}.sh"

    def stopping(wanted: str) -> str:
        return shell(wanted).replace(text, stop + text) if wanted == file else shell(wanted)

    guard.shell = remote.shell = stopping  # type: ignore[attr-defined, assignment]


FAULTS: dict[str, Callable[..., None]] = {
    fault.__name__: fault for fault in (commands_are_noted, dies, stops)
}
