"""Where the lab keeps things, and the prefixes by which `down` recognises what the lab made."""

from pathlib import Path

STATE = Path("/var/lib/rempart-lab")
"""Root only (0700): keys, passwords, the hosts' writable layers. Removed by `down --purge`."""

CACHE = Path("/var/cache/rempart-lab")
"""Images and downloaded packages. Kept; nothing secret."""

IMAGES = CACHE / "images"
HOSTS = STATE / "hosts"
KEYS = STATE / "keys"
IDENTITIES = STATE / "identities"
LOCKS = STATE / "locks"
PASSWORDS = STATE / "passwords.json"
BEFORE = STATE / "before.json"
"""What the machine was like before the first `up`: what `down` puts back."""

NAME_PREFIX = "rempart-lab-"
"""Network namespaces and containers."""

LINK_PREFIX = "rl-"
"""Network interfaces: their names hold 15 characters at most."""


def make_directories() -> None:
    """Create the state folders, root only from the start."""
    STATE.mkdir(mode=0o700, parents=True, exist_ok=True)
    for folder in (HOSTS, KEYS, IDENTITIES, LOCKS):
        folder.mkdir(mode=0o700, exist_ok=True)
    IMAGES.mkdir(parents=True, exist_ok=True)
