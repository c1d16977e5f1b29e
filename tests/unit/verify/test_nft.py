"""Reading nftables' JSON: what drops, and which rule is wider than the policy."""

import json
from ipaddress import ip_network
from typing import Any

import pytest

from rempart.verify import nft
from rempart.verify.machine import AnswerError

ALLOWED = {("tcp", 22): (ip_network("10.0.0.0/24"), ip_network("fd00::1/128"))}
ACCEPT: dict[str, Any] = {"accept": None}


def ruleset(*rules: list[dict[str, Any]], **chain: Any) -> str:
    """Return a ruleset with one input chain of these rules."""
    home = {"family": chain.get("family", "inet"), "table": "t"}
    base = home | {"name": "in", "hook": "input", "policy": "drop"} | chain
    objects = [
        {"metainfo": {"json_schema_version": 1}},
        {"table": {"family": home["family"], "name": "t"} | chain.pop("of_table", {})},
        {"chain": base},
        *({"rule": home | {"chain": "in", "handle": 7, "expr": rule}} for rule in rules),
    ]
    return json.dumps({"nftables": objects})


def match(protocol: str, field: str, right: Any, op: str = "==") -> dict[str, Any]:
    """Return a match on a packet's field."""
    return {
        "match": {
            "op": op,
            "left": {"payload": {"protocol": protocol, "field": field}},
            "right": right,
        }
    }


def meta(kind: str, key: str, right: Any) -> dict[str, Any]:
    """Return a match on what the kernel knows of a packet."""
    return {"match": {"op": "in", "left": {kind: {"key": key}}, "right": right}}


def too_open(*rules: list[dict[str, Any]]) -> list[str]:
    """Return what one chain of these rules accepts beyond ALLOWED."""
    (chain,) = nft.input_chains(ruleset(*rules))
    return nft.too_open(chain, ALLOWED)


SSH = match("tcp", "dport", 22)


@pytest.mark.parametrize(
    ("chain", "drops"),
    [
        ({}, True),
        ({"policy": "accept"}, False),
        ({"family": "ip"}, False),
        ({"family": "ip6"}, False),
    ],
)
def test_only_an_inet_chain_with_policy_drop_drops(chain: dict[str, Any], drops: bool) -> None:
    assert [each.drops for each in nft.input_chains(ruleset(**chain))] == [drops]


@pytest.mark.parametrize(
    "chain", [{"hook": "forward"}, {"hook": None}, {"of_table": {"flags": ["dormant"]}}]
)
def test_chain_that_sees_no_incoming_packet_does_not_count(chain: dict[str, Any]) -> None:
    assert nft.input_chains(ruleset(**chain)) == []


@pytest.mark.parametrize(
    "answer",
    ["", "\x1b]0;x", "[]", '{"nftables": []}', '{"nftables": [{"chain": {}}]}', "[" * 9999],
)
def test_answer_that_is_no_ruleset_is_refused(answer: str) -> None:
    with pytest.raises(AnswerError):
        nft.input_chains(answer)


@pytest.mark.parametrize(
    "rule",
    [
        [match("ip", "saddr", "10.0.0.7"), SSH, ACCEPT],
        [match("ip", "saddr", {"prefix": {"addr": "10.0.0.128", "len": 25}}), SSH, ACCEPT],
        [match("ip6", "saddr", {"set": ["fd00::1"]}), SSH, {"counter": {}}, ACCEPT],
        [meta("meta", "iif", "lo"), ACCEPT],
        [meta("ct", "state", ["established", "related"]), ACCEPT],
        [match("icmp", "type", "echo-request"), ACCEPT],
        [match("udp", "sport", 67), match("udp", "dport", 68), ACCEPT],
        [match("tcp", "dport", 3389), {"drop": None}],
        [{"log": {}}, {"reject": None}],
    ],
)
def test_rule_within_the_policy_is_no_finding(rule: list[dict[str, Any]]) -> None:
    assert too_open(rule) == []


@pytest.mark.parametrize(
    ("rule", "finding"),
    [
        ([SSH, ACCEPT], "tcp 22 from 0.0.0.0/0"),
        ([match("ip", "saddr", "10.0.1.7"), SSH, ACCEPT], "tcp 22 from 10.0.1.7/32"),
        ([match("ip", "saddr", {"range": ["10.0.0.0", "10.0.1.255"]}), SSH, ACCEPT], "10.0.0.0/23"),
        ([match("tcp", "dport", {"set": [22, 3389]}), ACCEPT], "tcp 3389 from ::/0"),
        ([match("tcp", "dport", {"range": [1, 65535]}), ACCEPT], "tcp 445 from"),
        ([match("udp", "dport", 22), ACCEPT], "udp 22 from"),
        ([match("udp", "dport", 68), ACCEPT], "udp 68 from"),
        ([ACCEPT], "accepts all ports"),
        ([match("ip", "saddr", "10.0.0.7"), ACCEPT], "accepts all ports"),
        ([match("ip", "saddr", "10.0.0.7", "!="), SSH, ACCEPT], "rule 7"),
        ([match("ip", "saddr", "@friends"), SSH, ACCEPT], "@friends"),
        ([meta("ct", "state", ["new", "established"]), ACCEPT], "rule 7"),
        ([meta("meta", "iifname", "eth0"), ACCEPT], "rule 7"),
        ([{"jump": {"target": "more"}}], "jump"),
        ([{"vmap": {}}], "vmap"),
        ([SSH, {"queue": {}}], "queue"),
    ],
)
def test_rule_wider_than_the_policy_is_a_finding(rule: list[dict[str, Any]], finding: str) -> None:
    assert finding in ", ".join(too_open(rule))
