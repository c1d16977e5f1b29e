"""Reading ``ip``: which neighbours a host would never answer with arp_ignore 2.

Linux's ip-sysctl: 2 answers where the sender's address is of the same subnet on that interface as
the address that it asks for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from rempart.verify.machine import AnswerError

COMMAND = "ip -j -4 address show && ip -j -4 route show table all type unicast"
MOST_ROUTES = 1_000
MOST_COMPARED = 100_000
"""Routes by the square of addresses: what it takes to judge them."""

_UNHEARD = (IPv4Network("169.254.0.0/16"), IPv4Network("224.0.0.0/4"))

Subnet = tuple[IPv4Network, IPv4Address]
"""A subnet of an interface and the host's own address on it."""


def strangers(answer: str) -> list[str]:
    """Return such neighbours, ``["192.0.2.1/32 (eth0)"]``: gateways, or all that is on a link.

    Raises:
        AnswerError: ip(8) said nothing usable.
    """
    try:
        addresses, routes = map(json.loads, answer.splitlines())
        subnets = {
            link["ifname"]: list(_subnets(link))
            for link in addresses
            if link and not {"LOOPBACK", "NOARP"} & set(link["flags"])
        }
        count = sum(map(len, subnets.values()))
        if not addresses or len(routes) > MOST_ROUTES or len(routes) * count**2 > MOST_COMPARED:
            raise ValueError("no address, or routes of half the world")
        found = [
            f"{neighbour or 'one over IPv6'} ({device})"
            for route in routes
            for device, neighbour in _hops(route)
            if device in subnets and not _is_answered(neighbour, subnets[device])
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AnswerError(f"ip: its JSON cannot be read (got {error!r})") from error
    return list(dict.fromkeys(found))


def _subnets(link: dict[str, Any]) -> Iterator[Subnet]:
    for each in link["addr_info"]:
        subnet = IPv4Network((each.get("address", each["local"]), each["prefixlen"]), strict=False)
        yield subnet, IPv4Address(each["local"])


def _hops(route: dict[str, Any]) -> Iterator[tuple[str, IPv4Network | None]]:
    """Yield interface and neighbour of a route; None where its gateway has an IPv6 address."""
    for hop in route.get("nexthops", [route]):
        if "via" in hop:
            yield hop["dev"], None
            continue
        target = hop.get("gateway") or route["dst"].replace("default", "0.0.0.0/0")
        network = IPv4Network(target)
        if "gateway" in hop or not any(network.subnet_of(each) for each in _UNHEARD):
            yield hop["dev"], network


def _is_answered(neighbour: IPv4Network | None, subnets: list[Subnet]) -> bool:
    """Tell whether the neighbour is in a subnet; a lone address must be in one together with it."""
    if neighbour is None:
        return False
    near = [subnet for subnet, _ in subnets if neighbour.subnet_of(subnet)]
    lone = [own for subnet, own in subnets if subnet.prefixlen == 32 or own not in subnet]
    asks = lone if neighbour.prefixlen == 32 else []
    return bool(near) and all(any(own in subnet for subnet in near) for own in asks)
