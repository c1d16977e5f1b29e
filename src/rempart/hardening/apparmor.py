"""AppArmor: Debian's own profiles, as Debian ships them (PR-4; ANSSI-BP-028 R45).

What Debian ships to complain only is not enforced by us: those profiles (Thunderbird's, say) break
what people do. Applications of practices have no profile and run as before. A container has its
machine's AppArmor; there the unit's own condition keeps it off, as where the kernel has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from rempart.policy import Host, Policy, Traits
from rempart.resources import Package, Resource, Unit

UNIT = "apparmor.service"


def desired(policy: Policy, host: Host, traits: Traits, today: date) -> Sequence[Resource]:
    """Return AppArmor, loaded at boot."""
    common: dict[str, Any] = {"concern": "apparmor", "controls": ("PR-4",)}
    packages = ["apparmor"]
    if policy.baseline == "enhanced":
        packages.append("libpam-apparmor")  # no PAM profile of Debian's uses it by itself
    return [
        *(Package(**common, package=package) for package in packages),
        Unit(**common, unit=UNIT, enabled=True),
    ]
