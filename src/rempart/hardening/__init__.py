"""The hardening, one module per concern, each with ``desired(policy, host, traits, today)``.

Pure: no I/O, no clock. This is where the knowledge lives and where review happens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from rempart.hardening import (
    accounts,
    apparmor,
    audit,
    browsers,
    clock,
    desktop,
    filesystem,
    firewall,
    integrity,
    jobs,
    kernel,
    logs,
    malware,
    passwords,
    services,
    session,
    ssh,
    sudo,
    updates,
)
from rempart.policy import Host, Policy, Traits
from rempart.resources import Resource

Concern = Callable[[Policy, Host, Traits, date], Sequence[Resource]]

CONCERNS: dict[str, Concern] = {
    "updates": updates.desired,
    "services": services.desired,
    "accounts": accounts.desired,
    "passwords": passwords.desired,
    "sudo": sudo.desired,
    "session": session.desired,
    "desktop": desktop.desired,
    "browsers": browsers.desired,
    "malware": malware.desired,
    "kernel": kernel.desired,
    "filesystem": filesystem.desired,
    "logs": logs.desired,
    "audit": audit.desired,
    "time": clock.desired,
    "jobs": jobs.desired,
    "integrity": integrity.desired,
    "apparmor": apparmor.desired,
    "firewall": firewall.desired,
    "ssh": ssh.desired,
}
"""Every concern by the name that stands in plans, ``SSH | Write …``."""


def desired(policy: Policy, host: Host, traits: Traits, today: date) -> list[Resource]:
    """Return everything that a host should have, in the order of a run.

    What only serves controls that are excepted on that host today is left out, and so given up. A
    folder, a group or a unit therefore names all controls of what needs it.
    """
    excepted = policy.excepted(host, today)
    wanted = [
        resource
        for concern in CONCERNS.values()
        for resource in concern(policy, host, traits, today)
        if not resource.controls or not excepted.issuperset(resource.controls)
    ]
    return sorted(wanted, key=lambda resource: (resource.rank, resource.id))
