"""The catalogue: every control, its reason and its sources. The one place where ids are made."""

from rempart.controls import (
    accounts,
    backups,
    exchange,
    exposure,
    malware,
    network,
    passwords,
    proof,
    response,
    updates,
)
from rempart.controls.base import Baseline, Control

_FAMILIES = (
    passwords, updates, accounts, backups, malware, network, exchange, exposure, response, proof,
)  # fmt: skip
CONTROLS: dict[str, Control] = {
    control.id: control for family in _FAMILIES for control in family.CONTROLS
}
"""Every control by its id, in the order in which tables show them."""

__all__ = ["CONTROLS", "Baseline", "Control"]
