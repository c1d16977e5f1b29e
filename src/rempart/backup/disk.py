"""Removable disks: mounted for an operator, and let go, on the host to which they are plugged."""

from __future__ import annotations

import datetime
from typing import Literal

from rempart.backup.ask import ask
from rempart.engine.run import Run
from rempart.engine.session import each_host
from rempart.policy import Policy
from rempart.policy.backup import Target
from rempart.resources.base import call

Act = Literal["plug", "unplug", "begin_visit"]


def tell_disk(policy: Policy, target: Target, act: Act, today: datetime.date) -> str:
    """Have a target's disk mounted and kept, let go, or visited by its hosts; return why not."""

    def work(run: Run) -> str:
        ask(run, call(act, target.name))
        return ""

    (failed,) = each_host(policy, [target.host], today, work, lambda host, why: f"{host}: {why}")
    return failed
