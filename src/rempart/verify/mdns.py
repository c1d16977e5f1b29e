"""A question that every multicast DNS service answers, whatever the host is called."""

from __future__ import annotations

import struct
from ipaddress import ip_address

PORT = 5353
"""RFC 6762, 3."""

_ONE_QUESTION = struct.pack(">6H", 1, 0, 1, 0, 0, 0)
_POINTER_IN = struct.pack(">2H", 12, 1)


def question(address: str) -> bytes:
    """Return a DNS message that asks for the name of an address.

    Whoever asks from a port other than 5353 is answered directly (RFC 6762, 6.7).
    """
    labels = ip_address(address).reverse_pointer.split(".")
    name = b"".join(bytes([len(label)]) + label.encode() for label in labels)
    return _ONE_QUESTION + name + b"\0" + _POINTER_IN
