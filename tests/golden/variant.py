"""Every file that rempart would write, by policy variant: what the golden files are made of.

Renew them after a wanted change, and review their diff: `.venv/bin/python tests/golden/variant.py`.
"""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

from rempart.hardening import desired
from rempart.policy import Policy, Traits, load
from rempart.resources import File, Pam, Resource

HERE = Path(__file__).parent
FILES = HERE / "files"
TODAY = date(2026, 11, 22)

RELEASES = {"serveur": "12", "poste-12": "12", "poste-13": "13"}
DESKTOPS = {"serveur": "none", "poste-12": "xfce", "poste-13": "gnome"}
"""Hosts of policy/cabinet.yaml: a jump host, IPv4, IPv6; both releases, each desktop and none."""


def policy() -> Policy:
    """Return the variants' policy."""
    return load(HERE / "policy" / "cabinet.yaml")


def traits(host: str) -> Traits:
    """Return what the machine is."""
    release = RELEASES[host]
    return Traits(
        os="debian",
        release=release,
        codename={"12": "bookworm", "13": "trixie"}[release],
        arch="amd64",
        virtualisation="none",
        memory="standard",
        desktop=DESKTOPS[host],
        locale="fr_FR.UTF-8",
    )


def resources(host: str) -> list[Resource]:
    """Return all that a host should have."""
    wanted = policy()
    return desired(wanted, wanted.host(host), traits(host), TODAY)


def rendered(host: str) -> dict[str, str]:
    """Return a host's files by path."""
    return {r.path: r.content or "" for r in resources(host) if isinstance(r, File | Pam)}


def renew() -> None:
    """Write all golden files again."""
    shutil.rmtree(FILES, ignore_errors=True)
    for host in RELEASES:
        for path, content in rendered(host).items():
            file = FILES / host / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)


if __name__ == "__main__":
    renew()
