"""Integrity: files are sealed, and what no package explains is named (DR-5; ANSSI-BP-028 R76, R77).

AIDE compares; `seal.py` says which differences Debian's checksums or rempart's manifest explain,
and renews the seals when that is all of them. What is left stays named until it is mended or
accepted. Nothing of this runs but a timer, and after dpkg has done its work. Without Debian's
`aide-common`, which would bring a mail server and a report that nobody reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from rempart.policy import Host, Policy, Traits
from rempart.resources import Directory, File, Package, Resource, Unit
from rempart.template import render

CONFIG = "/etc/aide/aide.conf"
FOLDER = "/etc/rempart-seals"
HOOK = "/etc/apt/apt.conf.d/90rempart-seals"
APT_CHECK = 'apt-config -c "$CANDIDATE" dump >/dev/null'
SERVICE = "/etc/systemd/system/rempart-seals.service"
TIMER = "rempart-seals.timer"

BY_PEOPLE = (
    *("passwd", "group", "shadow", "gshadow", "subuid", "subgid"),
    *("adjtime", "hostname", "locale.conf", "machine-info", "resolv.conf", "timezone"),
)
"""Files in /etc that joiners, new passwords, settings of a desktop and networks change."""
BY_SERVICES = ("cups/", "NetworkManager/system-connections/", "lvm/", "sane.d/", "fwupd/")
"""In /etc: printers, networks and scanners that are plugged in."""
BY_SCRIPTS = (
    *("/boot/grub/", "/boot/initrd.img-", "/boot/System.map-"),
    *("/etc/.java/", "/etc/apparmor.d/(cache|local)/", "/etc/dconf/db/"),
    *("/etc/dictionaries-common/", "/etc/sgml/", "/etc/xml/", "/usr/lib/cups/backend/"),
    *("/etc/ld.so.cache$", "/etc/mailcap$", "/etc/shells$", "/etc/udev/hwdb.bin$"),
    *("/etc/ssl/certs/ca-certificates.crt$", "/etc/ssl/certs/java/"),
    *("/usr/lib/locale/locale-archive$", "/usr/lib/modules/[^/]+/modules[.]"),
    *("/usr/lib/udev/hwdb.bin$", "/usr/(lib|share)/.*/__pycache__(/|$)"),
    *("/usr/(lib|share)/.*[./]cache$", "/usr/share/.*/gschemas.compiled$"),
    *("/usr/share/fonts/", "/usr/share/info/dir", "/usr/share/mime/"),
)
"""What packages' scripts make anew, with checksums of nobody's."""


def desired(policy: Policy, host: Host, traits: Traits, today: date) -> Sequence[Resource]:
    """Return AIDE, what it watches, and what runs it; from baseline `enhanced`."""
    if policy.baseline != "enhanced":
        return []
    common: dict[str, Any] = {"concern": "integrity", "controls": ("DR-5",)}
    script = Path(__file__).with_name("seal.py").read_text(encoding="utf-8")
    timer = f"/etc/systemd/system/{TIMER}"
    return [
        *(Package(**common, package=name) for name in ("aide", "debsums", "python3")),
        Directory(**common, path="/etc/aide"),
        Directory(**common, path=FOLDER),
        File(**common, path=CONFIG, content=_config(traits)),
        File(**common, path=f"{FOLDER}/seal.py", content=script),
        File(**common, path=SERVICE, content=render(SERVICE)),
        File(**common, reloads=(TIMER,), path=timer, content=render(timer)),
        File(**common, path=HOOK, content=render(HOOK), check=APT_CHECK),
        Unit(**common, unit=TIMER, enabled=True, running=True),
    ]


def _config(traits: Traits) -> str:
    """Return what AIDE seals, in the words of the release's own AIDE."""
    changing = [f"/etc/{name}-?$" for name in BY_PEOPLE] + [f"/etc/{name}" for name in BY_SERVICES]
    is_newer = traits.os == "debian" and int(traits.release) >= 13
    word = "database_in" if is_newer else "database"
    return render(CONFIG, database=word, left_out=sorted([*changing, *BY_SCRIPTS]))
