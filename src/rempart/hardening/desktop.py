"""Desktops: screens lock themselves, what is plugged in does not open, and users cannot change it.

GNOME and light-locker (Xfce's on Debian) read dconf(7), where locked keys are no user's; Xfce's own
settings are locked in its channel files.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from rempart.hardening.session import IDLE_S
from rempart.policy import Host, Policy, Traits
from rempart.resources import Directory, File, Package, Resource, Unit
from rempart.template import render

CONTROLS = ("AV-2", "SE-1")
PROFILE = "/etc/dconf/profile/user"
DATABASE = "/etc/dconf/db/rempart.d"
UNIT = "rempart-desktop.service"
UNIT_FILE = f"/etc/systemd/system/{UNIT}"
CHANNELS = "/etc/xdg/xfce4/xfconf/xfce-perchannel-xml"
READERS = {"gnome": (), "xfce": ("light-locker", "xfce4-power-manager")}
"""Desktops whose settings are known, and what must be there to lock the screen."""

# ANSSI-BP-028 R32 for the screen. Screens are locked when they go dark, and at once.
KEYS = {
    "org/gnome/desktop/session": {"idle-delay": f"uint32 {IDLE_S}"},
    "org/gnome/desktop/screensaver": {"lock-enabled": "true", "lock-delay": "uint32 0"},
    "org/gnome/desktop/lockdown": {"disable-lock-screen": "false"},
    "org/gnome/desktop/media-handling": {"autorun-never": "true", "automount-open": "false"},
    "apps/light-locker": {
        "lock-after-screensaver": "uint32 5",
        "late-locking": "false",
        "lock-on-suspend": "true",
    },
}


def desired(policy: Policy, host: Host, traits: Traits, today: date) -> Sequence[Resource]:
    """Return the locked settings of the desktop that the host has."""
    if traits.desktop not in READERS:
        return []
    common: dict[str, Any] = {"concern": "desktop", "controls": CONTROLS}
    compiled = {PROFILE: (), UNIT_FILE: (UNIT,)}
    compiled |= dict.fromkeys((f"{DATABASE}/00-rempart", f"{DATABASE}/locks/00-rempart"), (UNIT,))
    folders = ("/etc/dconf/profile", "/etc/dconf/db", DATABASE, f"{DATABASE}/locks")
    return [
        *(Package(**common, package=name) for name in ("dconf-cli", *READERS[traits.desktop])),
        *(Directory(**common, path=folder) for folder in ("/etc/dconf", *folders)),
        *(
            File(**common, reloads=reloads, path=path, content=render(path, keys=KEYS))
            for path, reloads in compiled.items()
        ),
        Unit(**common, unit=UNIT, enabled=True, running=True),
        *(_channels(common) if traits.desktop == "xfce" else ()),
    ]


def _channels(common: dict[str, Any]) -> list[Resource]:
    """Return Xfce's own settings, which only root may change."""
    return [
        File(**common, path=path, content=render(path, minutes=IDLE_S // 60))
        for path in (f"{CHANNELS}/thunar-volman.xml", f"{CHANNELS}/xfce4-power-manager.xml")
    ]
