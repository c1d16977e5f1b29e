"""UP-3: the distribution's support does not end unnoticed."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from rempart.verify import support
from rempart.verify.machine import Machine
from rempart.verify.proof import Proof

NOTED_BEFORE = timedelta(days=180)


@pytest.mark.control("UP-3")
def test_release_is_supported(machine: Machine, today: date, proof: Proof) -> None:
    """Security support of the installed release goes on; half a year before its end is a note."""
    release = machine.ask(". /etc/os-release; echo $VERSION_CODENAME").strip()
    end = support.last_day(machine.ask(f"cat {support.TABLE}"), release)
    seen = f"{release} until {end}"
    if timedelta(0) <= end - today <= NOTED_BEFORE:
        proof.info(f"{seen}: {(end - today).days} days left; plan the upgrade", support.TABLE)
        return
    proof.that(end >= today, f"supported on {today}", seen, support.TABLE)
