"""Ingest: how hosts bring copies to a backup server and can do no more (BK-3), noted there (BK-5).

`rempart backup init` makes the repositories and brings the keys; they stay whatever becomes of the
policy.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from rempart.backup.place import INGEST_GROUP, INGEST_KEYS, Place, places_of, places_on
from rempart.hardening.accounts import SSH_GROUP
from rempart.hardening.program import program
from rempart.policy import Host, Policy, Traits
from rempart.resources import Directory, File, Group, Package, Resource, Unit, User
from rempart.template import render

FOLDER = "/etc/rempart-ingest"
STATE = "/var/lib/rempart-ingest"
SERVICE = "/etc/systemd/system/rempart-ledger.service"
TIMER = "rempart-ledger.timer"
SCRIPTS = {"disk.py": "visit", "ledger.py": "main", "serve.py": "serve"}
DISK_SERVICE = "/etc/systemd/system/rempart-disk@.service"
DISK_RULES = "/etc/udev/rules.d/90-rempart-disk.rules"


def desired(policy: Policy, host: Host, traits: Traits, today: date) -> Sequence[Resource]:
    """Return an account for each host that brings its backups here."""
    places = places_on(policy, host)
    if not places:
        return []
    common: dict[str, Any] = {"concern": "ingest", "controls": ("BK-3",)}
    owners = {place.user: policy.host_id(place.host) for place in places}
    return [
        Package(**common, package="rclone"),
        # A server that is backed up itself has it for that.
        *([] if places_of(policy, host) else [Package(**common, package="restic")]),
        Group(**common, risky=True, group=INGEST_GROUP),
        *(
            User(
                **common,
                risky=True,
                login=user,
                comment=f"backups of {owner}",
                groups=(INGEST_GROUP, SSH_GROUP),
                managed=(INGEST_GROUP, SSH_GROUP, "sudo"),
                shell="/bin/sh",
                system=True,
            )
            for user, owner in sorted(owners.items())
        ),
        Directory(**common, risky=True, path=INGEST_KEYS, only=tuple(sorted(owners))),
        Directory(concern="ingest", controls=("BK-3", "BK-5"), risky=True, path=FOLDER),
        *_ledger(places),
        *_disks(places),
    ]


def _ledger(places: Sequence[Place]) -> list[Resource]:
    """Return what notes arrivals. It changes nobody's way in, but goes with the accounts."""
    common: dict[str, Any] = {"concern": "ingest", "controls": ("BK-5",), "risky": True}
    repositories = {
        place.name: {
            "folder": place.folder,
            "user": place.user,
            "quota_percent": place.target.quota_percent,
            "reserve_percent": place.target.reserve_percent,
            "disk": place.target.disk,
            "sharers": sum(each.target == place.target for each in places),
        }
        for place in places
    }
    timer = f"/etc/systemd/system/{TIMER}"
    return [
        Directory(**common, path=STATE, mode="0700"),
        *program(FOLDER, "server", SCRIPTS, **common),
        File(
            **common,
            path=f"{FOLDER}/repositories.json",
            content=json.dumps(repositories, indent=2, sort_keys=True) + "\n",
        ),
        File(
            **common,
            path=SERVICE,
            content=render(SERVICE, folders=sorted({each.target.folder for each in places})),
        ),
        File(**common, reloads=(TIMER,), path=timer, content=render(timer)),
        Unit(**common, unit=TIMER, enabled=True, running=True),
    ]


def _disks(places: Sequence[Place]) -> list[Resource]:
    """Return what recognises removable disks when they are plugged in here, udev(7)."""
    disks = sorted({(p.target.name, p.target.disk) for p in places if p.target.disk})
    if not disks:
        return []
    common: dict[str, Any] = {"concern": "ingest", "controls": ("BK-2",)}
    return [
        Package(**common, package="udev"),
        File(**common, risky=True, path=DISK_SERVICE, content=render(DISK_SERVICE)),
        File(**common, risky=True, path=DISK_RULES, content=render(DISK_RULES, disks=disks)),
    ]
