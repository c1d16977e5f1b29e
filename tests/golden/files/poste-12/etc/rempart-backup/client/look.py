"""What a host looks at before it backs up: its battery, and files that nobody should touch."""

import hashlib
import json
from pathlib import Path

from .restic import STATE, write

POWER = Path("/sys/class/power_supply")
LEAST_PERCENT = 20
CANARIES = STATE / "canaries.json"
GONE = "gone"


def low_battery() -> int | None:
    """Return how full a battery is, in percent, that goes down and has too little for a backup.

    Of several, the fullest counts; power_supply_class in the kernel's documentation.
    """
    left = []
    for battery in POWER.glob("*/capacity"):
        try:
            left.append(int(battery.read_text()))
            if battery.with_name("status").read_text().strip() != "Discharging":
                return None
        except (OSError, ValueError):
            continue  # a mouse's, or one that has just been taken out
    return max(left) if left and max(left) < LEAST_PERCENT else None


def changed_canaries(paths: list[str]) -> list[str]:
    """Return which of these files are not as they were first seen, or are not there."""
    try:
        known: dict[str, str] = json.loads(CANARIES.read_text())
    except (OSError, ValueError):
        known = {}
    now = {path: _digest(Path(path)) for path in paths}
    known = {path: known.get(path, digest) for path, digest in now.items()}
    write(CANARIES, json.dumps(known, indent=2) + "\n")
    return [path for path, digest in now.items() if digest == GONE or digest != known[path]]


def _digest(path: Path) -> str:
    """Return a regular file's SHA-256; `gone` where there is none."""
    try:
        if path.is_symlink() or not path.is_file():
            return GONE
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return GONE
