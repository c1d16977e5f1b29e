"""Jobs: who may have crontab(1) and at(1) jobs of their own (AC-1).

Jobs that are there already go on: cron(8) asks nobody's leave to run them. Who is not named can no
longer make or change them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from rempart.policy import Host, Policy, Traits
from rempart.resources import File, Resource
from rempart.template import render

LISTS = ("/etc/cron.allow", "/etc/at.allow")


def desired(policy: Policy, host: Host, traits: Traits, today: date) -> Sequence[Resource]:
    """Return the two lists: root, and the people of whom the policy says so."""
    people = sorted(p.login for p in policy.people_on(host, today) if p.scheduled_jobs)
    return [
        File(
            concern="jobs",
            controls=("AC-1",),
            path=path,
            content=render(path, logins=["root", *people]),
        )
        for path in LISTS
    ]
