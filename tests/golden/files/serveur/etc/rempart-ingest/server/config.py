"""What this server keeps, by the policy."""

import json
from pathlib import Path
from typing import Any

CONFIG = Path("/etc/rempart-ingest/repositories.json")


def repositories() -> dict[str, dict[str, Any]]:
    """Return what is known of each repository, by ``HOST/TARGET``: its folder, account, limits."""
    found: dict[str, dict[str, Any]] = json.loads(CONFIG.read_text())
    return found
