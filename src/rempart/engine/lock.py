"""Lock: one controller at a time changes a host; what runs there is ``remote/lock.sh``.

The promise: two runs never mix, whoever started them, ``rempart apply`` or plain pyinfra. The lock
rides on the run's own commands, so it costs none of its own, and it ends by itself when its
controller died.
"""

from __future__ import annotations

import getpass
import re
import secrets
import socket
import time
from dataclasses import dataclass, field

from rempart.resources import Observation
from rempart.resources.base import call

LEASE_S = 120
"""Seconds without a command after which a run of ``rempart apply`` is over."""

IN_STEP_LEASE_S = 900
"""The same under plain pyinfra, where a host waits for all others between two operations."""

AT_WORK = frozenset({"busy", "live"})

REFUSALS = ("its lock ends by itself", "wait for it", "look and try again")
"""How ``lock_hold`` ends when it has kept a command from running."""


def owner() -> str:
    """Return who runs this, as it is shown to the other technician."""
    return re.sub(r"[^\w.@-]", "?", f"{getpass.getuser()}@{socket.gethostname()}")


def run_id() -> str:
    """Return a new run's name; they sort by time."""
    return f"{time.strftime('%Y%m%dT%H%M%S')}-{secrets.token_hex(4)}"


@dataclass(frozen=True)
class Lock:
    """A run's name and owner, and for how many seconds it may be silent."""

    run: str = field(default_factory=run_id)
    owner: str = field(default_factory=owner)
    lease_s: int = LEASE_S

    def around(self, body: str, seen: str) -> str:
        """Return sh that carries ``body`` out under the lock, or refuses without doing any of it.

        ``seen`` is ``last_run`` of the observation that the run was decided from. The flock is not
        passed on: a daemon that the body starts would hold it for ever.
        """
        hold = call("lock_hold", self.run, self.owner, str(self.lease_s), seen)
        return f"{hold}(:\n{body}) 7>&-\n"

    def freeing(self) -> str:
        """Return sh that ends the run."""
        return call("lock_free", self.run)


def last_run(seen: Observation) -> str:
    """Return which run had the lock last and how it stood: ``none free``, ``<run> stale``, ….

    As it was before anything else was observed: a run that came since makes it another.
    """
    return " ".join(_fields(seen, "before")[:2])


def at_work(seen: Observation) -> str:
    """Return who is at work on the host, with what to do; or ''."""
    _, state, words = _fields(seen, "after")
    return words if state in AT_WORK else ""


def left_behind(seen: Observation) -> str:
    """Return whose run went silent there without giving its lock back; or ''."""
    _, state, words = _fields(seen, "after")
    return words if state == "stale" else ""


def _fields(seen: Observation, when: str) -> tuple[str, str, str]:
    run, state, words = (*seen.get("lock", when), "", "")[:3]
    return run, state, words
