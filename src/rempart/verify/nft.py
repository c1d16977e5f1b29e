"""Reading ``nft -j list ruleset`` (libnftables-json(5)): what may come in, and what is dropped."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network, summarize_address_range
from itertools import islice
from typing import Any

from rempart.policy.value import IPNetwork
from rempart.verify.machine import AnswerError

Allowed = Mapping[tuple[str, int], Iterable[IPNetwork]]
"""(protocol, port) -> networks that may reach it."""

ENOUGH = 1_000
"""Findings; a hostile host's rules may open every port to every address by itself."""

MOST_ELEMENTS = 1_000
"""Addresses and ports that a chain's rules name together; ours name some fifty."""

EVERYWHERE = (ip_network("0.0.0.0/0"), ip_network("::/0"))
_DHCP_PORTS = {(67, 68), (547, 546)}
_ICMP = {"icmp", "icmpv6", "ipv6-icmp"}
# These statements let no packet through; `return` ends a base chain with its policy.
_HARMLESS = {"drop", "reject", "counter", "log", "limit", "return", "continue", "xt"}


class UnknownRuleError(ValueError):
    """A rule that is no simple 'these sources may reach these ports'."""


@dataclass
class InputChain:
    """A base chain on the input hook."""

    family: str
    name: str
    policy: str
    rules: list[dict[str, Any]] = field(default_factory=list)

    @property
    def drops(self) -> bool:
        """Return whether it drops what no rule of it accepts, IPv4 and IPv6."""
        return self.family == "inet" and self.policy == "drop"


def input_chains(answer: str) -> list[InputChain]:
    """Return the base chains on the input hook, dormant tables left out.

    Raises:
        AnswerError: no ruleset in JSON.
    """
    try:
        objects = json.loads(answer)["nftables"]
        if "metainfo" not in objects[0]:
            raise KeyError("metainfo")
        return _input_chains(objects)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise AnswerError(f"nft: its JSON cannot be read (got {error!r})") from error


def _input_chains(objects: list[dict[str, Any]]) -> list[InputChain]:
    dormant = {
        (table["family"], table["name"])
        for table in (each["table"] for each in objects if "table" in each)
        if "dormant" in table.get("flags", ())
    }
    chains = {}
    for chain in (each["chain"] for each in objects if "chain" in each):
        if chain.get("hook") == "input" and (chain["family"], chain["table"]) not in dormant:
            name = f"{chain['family']} {chain['table']} {chain['name']}"
            chains[name] = InputChain(chain["family"], name, chain.get("policy", "accept"))
    for rule in (each["rule"] for each in objects if "rule" in each):
        name = f"{rule['family']} {rule['table']} {rule['chain']}"
        if name in chains:
            chains[name].rules.append(rule)
    return list(chains.values())


def too_open(chain: InputChain, allowed: Allowed) -> list[str]:
    """Return, in words, what the chain accepts and ``allowed`` does not name."""
    if sum(map(_size, chain.rules)) > MOST_ELEMENTS:
        return [f"more than {MOST_ELEMENTS} addresses and ports (the rules of {chain.name})"]
    found: list[str] = []
    for rule in chain.rules:
        if len(found) >= ENOUGH:
            break
        try:
            found += islice(_too_open(rule["expr"], allowed), ENOUGH)
        except (UnknownRuleError, ValueError, KeyError, TypeError, AttributeError) as error:
            found.append(f"rule {rule.get('handle')} of {chain.name} ({error})")
    return found


def _size(rule: dict[str, Any]) -> int:
    """Return how many addresses and ports a rule names; a damaged one has 1, and is told later."""
    try:
        return sum(
            len(_elements(each["match"]["right"])) for each in rule["expr"] if "match" in each
        )
    except (KeyError, TypeError, AttributeError):
        return 1


def _too_open(statements: list[dict[str, Any]], allowed: Allowed) -> Iterator[str]:
    matches = [statement["match"] for statement in statements if "match" in statement]
    others = {key for statement in statements for key in statement} - {"match"}
    if others <= _HARMLESS:
        return
    if not others <= _HARMLESS | {"accept"}:
        raise UnknownRuleError(f"does {', '.join(sorted(others - _HARMLESS))}")
    if _is_ordinary(matches):
        return
    sources, protocol, ports = _opened(matches)
    for port in ports:
        networks = allowed.get((protocol, port), ())
        for source in sources:
            if not any(_is_inside(source, network) for network in networks):
                yield f"{protocol} {port} from {source}"


def _is_ordinary(matches: list[dict[str, Any]]) -> bool:
    """Return whether a rule is one that every firewall has: loopback, replies, ICMP, DHCP."""
    values = {_field(match): match["right"] for match in matches}
    if any(match["op"] not in ("==", "in") for match in matches):
        return False
    if values.get("iif", values.get("iifname")) == "lo":
        return True
    if "state" in values:
        return set(_elements(values["state"])) <= {"established", "related"}
    if values.keys() & {"icmp type", "icmpv6 type"}:
        return True
    if values.keys() & {"l4proto", "protocol", "nexthdr"}:
        kinds = values.get("l4proto", values.get("protocol", values.get("nexthdr")))
        return set(_elements(kinds)) <= _ICMP
    return (values.get("udp sport"), values.get("udp dport")) in _DHCP_PORTS


def _opened(matches: list[dict[str, Any]]) -> tuple[list[IPNetwork], str, list[int]]:
    sources: list[IPNetwork] = []
    opened: tuple[str, list[int]] | None = None
    for match in matches:
        name = _field(match)
        if match["op"] != "==":
            raise UnknownRuleError(f"matches by {match['op']!r}")
        if name in ("ip saddr", "ip6 saddr"):
            sources += [net for each in _elements(match["right"]) for net in _networks(each)]
        elif name in ("tcp dport", "udp dport"):
            ports = (port for each in _elements(match["right"]) for port in _ports(each))
            opened = (name[:3], list(dict.fromkeys(islice(ports, 65536))))
        else:
            raise UnknownRuleError(f"matches {name}")
    if opened is None:
        raise UnknownRuleError("accepts all ports")
    return sources or list(EVERYWHERE), *opened


def _field(match: Mapping[str, Any]) -> str:
    left = match["left"]
    if "payload" in left:
        return f"{left['payload'].get('protocol')} {left['payload'].get('field')}"
    (kind,) = left.keys() & {"meta", "ct"} or {"?"}
    return str(left[kind]["key"]) if kind != "?" else "something unknown"


def _elements(right: object) -> list[Any]:
    if isinstance(right, dict) and "set" in right:
        members = right["set"] if isinstance(right["set"], list) else [right["set"]]
        return [m["elem"]["val"] if isinstance(m, dict) and "elem" in m else m for m in members]
    return right if isinstance(right, list) else [right]


def _networks(element: Any) -> Iterator[IPNetwork]:
    if isinstance(element, dict) and "prefix" in element:
        yield ip_network(f"{element['prefix']['addr']}/{element['prefix']['len']}")
    elif isinstance(element, dict) and "range" in element:
        first, last = map(ip_address, element["range"])
        yield from summarize_address_range(first, last)
    elif isinstance(element, str) and not element.startswith("@"):
        yield ip_network(element)
    else:
        raise UnknownRuleError(f"names sources by {element!r}")


def _ports(element: Any) -> Iterable[int]:
    if isinstance(element, dict) and "range" in element:
        first, last = element["range"]
        return range(int(first), min(int(last), 65535) + 1)
    if isinstance(element, int):
        return [element]
    raise UnknownRuleError(f"names ports by {element!r}")


def _is_inside(source: IPNetwork, network: IPNetwork) -> bool:
    return source.version == network.version and source.subnet_of(network)  # type: ignore[arg-type]
