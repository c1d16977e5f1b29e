"""sudo: logged, with a clean environment, and never in the way of rempart's own (AC-2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from rempart.policy import Host, Policy, Traits
from rempart.resources import Directory, File, Resource
from rempart.template import render

FOLDER = "/etc/sudoers.d"
RULES = f"{FOLDER}/zz-rempart"


def desired(policy: Policy, host: Host, traits: Traits, today: date) -> Sequence[Resource]:
    """Return sudo's defaults (ANSSI-BP-028 R39) and who may read its rules."""
    text = render(
        RULES,
        strict=policy.baseline == "enhanced",
        automation=policy.provider.automation.user,
    )
    return [
        Directory(concern="sudo", controls=("AC-2",), risky=True, path=FOLDER, mode="0750"),
        File(
            concern="sudo",
            controls=("AC-2",),
            risky=True,
            path=RULES,
            content=text,
            mode="0440",
            check='visudo -c -q -f "$CANDIDATE"',
        ),
    ]
