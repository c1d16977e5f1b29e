"""Reading SSH_MSG_KEXINIT: the algorithms that a server offers, in clear, before any login."""

from __future__ import annotations

import struct
from dataclasses import dataclass

KEXINIT = 20
_COOKIE_BYTES = 16


@dataclass(frozen=True)
class Offer:
    """Name lists of RFC 4253 section 7.1; both directions of ciphers and MACs together."""

    kex: tuple[str, ...]
    host_keys: tuple[str, ...]
    ciphers: tuple[str, ...]
    macs: tuple[str, ...]


def parse_kexinit(payload: bytes) -> Offer:
    """Return what a KEXINIT payload offers; ValueError when it is none."""
    if not payload or payload[0] != KEXINIT:
        raise ValueError("the first packet is no KEXINIT")
    lists, rest = [], payload[1 + _COOKIE_BYTES :]
    for _ in range(6):
        if len(rest) < 4:
            raise ValueError("a cut KEXINIT")
        (length,) = struct.unpack(">I", rest[:4])
        if length > len(rest) - 4:
            raise ValueError("a cut KEXINIT")
        lists.append(tuple(rest[4 : 4 + length].decode("ascii", "replace").split(",")))
        rest = rest[4 + length :]
    kex, host_keys, *ciphers_and_macs = lists
    ciphers = dict.fromkeys(ciphers_and_macs[0] + ciphers_and_macs[1])
    macs = dict.fromkeys(ciphers_and_macs[2] + ciphers_and_macs[3])
    return Offer(kex, host_keys, tuple(ciphers), tuple(macs))
