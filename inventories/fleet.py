"""Inventory for plain pyinfra: `pyinfra inventories/fleet.py deploys/workstation.py --dry`.

Takes every practice file beside it, or those that REMPART_INVENTORIES names (colon-separated).
"""

from pathlib import Path

from rempart.policy.fleet import fleet

# pyinfra takes this module's lists as its groups.
globals().update(fleet(Path(__file__).parent))
