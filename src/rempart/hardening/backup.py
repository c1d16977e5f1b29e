"""Backups: a host brings its own copies to its targets, by systemd timers (BK-1).

Passwords and keys are not here: `rempart backup init` brings them, and until then nothing runs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import rempart.backup
from rempart.backup.place import (
    DUMPS,
    Place,
    canaries_of,
    databases_of,
    paths_of,
    places_of,
    server_of,
    sources_of,
)
from rempart.hardening.program import program
from rempart.policy import Host, Policy, Traits
from rempart.resources import Directory, File, Package, Resource, Unit
from rempart.template import render

CONTROLS = ("BK-1",)
FOLDER = "/etc/rempart-backup"
STATE = "/var/lib/rempart-backup"
SERVICE = "/etc/systemd/system/rempart-backup@.service"
DUMP = f"{FOLDER}/dump.py"
DUMP_SERVICE = "/etc/systemd/system/rempart-dump.service"
TIMER = "/etc/systemd/system/rempart-backup@.timer"
PACKAGES = ("openssh-client", "restic")

SPREAD_S = 20 * 60
"""The hosts of all practices do not come to one server in the same second."""

ASK_SERVICE = "/etc/systemd/system/rempart-plugged@.service"
ASK_TIMER = "/etc/systemd/system/rempart-plugged@.timer"
ASKED_S = 15 * 60


def desired(policy: Policy, host: Host, traits: Traits, today: date) -> Sequence[Resource]:
    """Return what brings this host's copies to each target, where it has any."""
    places = places_of(policy, host)
    if not places or policy.backup is None:
        return []
    common: dict[str, Any] = {"concern": "backup", "controls": CONTROLS}
    timed = [place.target.name for place in places if not place.target.is_removable]
    timers = tuple(f"rempart-backup@{name}.timer" for name in timed)
    times = [_spread(clock, policy.host_id(host)) for clock in policy.backup.schedule]
    return [
        *(Package(**common, package=package) for package in PACKAGES),
        Directory(concern="backup", controls=(*CONTROLS, "BK-6"), path=FOLDER, mode="0700"),
        Directory(**common, path=STATE, mode="0700"),
        *program(FOLDER, "client", {"backup.py": "main"}, **common),
        File(**common, path=SERVICE, content=render(SERVICE)),
        File(**common, reloads=timers, path=TIMER, content=render(TIMER, times=times)),
        *(
            File(
                **common,
                path=f"{FOLDER}/{place.target.name}.json",
                content=_wanted(policy, place),
            )
            for place in places
        ),
        *(Unit(**common, unit=timer, enabled=True, running=True) for timer in timers),
        *_asking(policy, host),
        *_dumps(policy, host),
    ]


def _asking(policy: Policy, host: Host) -> list[Resource]:
    """Return what asks every quarter of an hour whether a removable disk is plugged in."""
    places = places_of(policy, host)
    disks = [place.target.name for place in places if place.target.is_removable]
    if not disks:
        return []
    common: dict[str, Any] = {"concern": "backup", "controls": ("BK-2",)}
    timers = tuple(f"rempart-plugged@{name}.timer" for name in disks)
    minutes, seconds = divmod(_offset_s(policy.host_id(host), ASKED_S), 60)
    time = f"*:{minutes}/{ASKED_S // 60}:{seconds:02}"
    return [
        File(**common, path=ASK_SERVICE, content=render(ASK_SERVICE)),
        File(**common, reloads=timers, path=ASK_TIMER, content=render(ASK_TIMER, time=time)),
        *(Unit(**common, unit=timer, enabled=True, running=True) for timer in timers),
    ]


def _dumps(policy: Policy, host: Host) -> list[Resource]:
    """Return what dumps databases; the backup's service starts it."""
    databases = databases_of(policy, host)
    if not databases:
        return []
    common: dict[str, Any] = {"concern": "backup", "controls": ("BK-6",)}
    wanted = [{"kind": each.kind, "path": str(each.path or "")} for each in databases]
    return [
        # People whose SQLite files are dumped pass through it, and see nothing.
        Directory(**common, path=DUMPS, mode="0711"),
        File(**common, path=DUMP, content=_own("dump.py")),
        File(**common, path=DUMP_SERVICE, content=render(DUMP_SERVICE)),
        File(
            **common, path=f"{FOLDER}/databases.json", content=json.dumps(wanted, indent=2) + "\n"
        ),
    ]


def _own(name: str) -> str:
    return Path(rempart.backup.__file__).with_name(name).read_text(encoding="utf-8")


def _wanted(policy: Policy, place: Place) -> str:
    """Return what `client` reads: everything but the secrets."""
    sources = sources_of(policy, place.host)
    wanted = {
        "host": policy.host_id(place.host),
        "server": server_of(place, place.user),
        "removable": place.target.is_removable,
        "paths": paths_of(policy, place.host, place.target),
        "canaries": canaries_of(policy, place.host),
        "exclude": sorted({str(path) for source in sources for path in source.exclude}),
    }
    return json.dumps(wanted, indent=2) + "\n"


def _spread(clock: str, host: str) -> str:
    """Return a time of day some minutes later, always the same ones for a host."""
    later = timedelta(seconds=_offset_s(host, SPREAD_S))
    return f"{datetime.strptime(clock, '%H:%M') + later:%H:%M:%S}"


def _offset_s(host: str, within_s: int) -> int:
    return int.from_bytes(hashlib.sha256(host.encode()).digest()[:4]) % within_s
