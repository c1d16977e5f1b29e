"""Sessions: what nobody sits at any more ends or locks itself; whoever logs in is warned (SE-1).

The notice is for consoles. sshd shows none: its Banner would stand on stderr of every script and
SFTP client, and no guide or auditor asks for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from rempart.policy import Host, Policy, Traits
from rempart.resources import File, Resource
from rempart.template import render

IDLE_S = 600
"""ANSSI-BP-028 R32: ten minutes."""

IDLE_SHELL = "/etc/profile.d/rempart-idle.sh"
NOTICES = ("/etc/issue", "/etc/issue.net")


def desired(policy: Policy, host: Host, traits: Traits, today: date) -> Sequence[Resource]:
    """Return what ends idle shells and, from baseline `intermediary`, the notice."""
    common: dict[str, Any] = {"concern": "session", "controls": ("SE-1",)}
    notices = NOTICES if policy.baseline != "minimal" else ()
    return [
        File(**common, path=IDLE_SHELL, content=render(IDLE_SHELL, seconds=IDLE_S)),
        *(File(**common, path=path, content=render(NOTICES[0])) for path in notices),
    ]
