"""Security updates: how old they may get, when a host may reboot for them."""

from __future__ import annotations

from pydantic import StrictBool

from rempart.policy.base import Model, described
from rempart.policy.value import Clock, Days


class Updates(Model):
    """Unattended security updates of all hosts."""

    max_age_days: Days = described(
        "Days after which a security update that is still missing is a finding.", 7, default=7
    )
    reboot: StrictBool = described(
        "Whether a host reboots by itself when an update needs it.", True, default=True
    )
    reboot_time: Clock = described(
        "When it does, in the host's time zone (HH:MM).", "03:00", default="03:00"
    )
    reboot_max_age_days: Days = described(
        "Days after which a reboot that is still missing is a finding.", 14, default=14
    )
