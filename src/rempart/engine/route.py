"""How a host is reached: address, user, key and pinned host key, hop by hop."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Route:
    """One hop, and the hop before it.

    ``name`` is ``practice/host`` and is also the name under which the host key stands in
    ``known_hosts`` (OpenSSH's ``HostKeyAlias``): two practices may use the same address.
    """

    name: str
    address: str
    port: int
    user: str
    key_file: Path
    known_hosts: Path
    jump: Route | None = None
