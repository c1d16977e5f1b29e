"""What a host says to verify, as long as is taken, is read in a fifth of a second, however made."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from functools import partial
from typing import Any

import pytest

from rempart.errors import RempartError
from rempart.verify import (
    access,
    apt,
    interfaces,
    kexinit,
    neighbours,
    nft,
    reading,
    sockets,
    sshd,
    support,
)
from rempart.verify.machine import ANSWER_BYTES
from rempart.verify.proof import one_line

LIMIT_S = 0.2
TODAY = date(2026, 11, 27)
PAIR = "ssh", "1.1.1.1"
TABLE = {"family": "inet", "table": "t"}
CHAIN = {"chain": {**TABLE, "name": "c", "hook": "input", "policy": "drop"}}


def filled(line: str, size: int = ANSWER_BYTES) -> str:
    return line * (size // len(line))


def of(*lines: str) -> Callable[[], Iterator[str]]:
    """Return what makes an answer of each of these lines alone."""
    return lambda: map(filled, lines)


def ruleset(*matches: dict[str, Any], rules: int = 1) -> str:
    rule = {"rule": {**TABLE, "chain": "c", "expr": [*matches, {"accept": None}]}}
    return json.dumps({"nftables": [{"metainfo": {}}, CHAIN, *[rule] * rules]})


def matching(protocol: str, field: str, right: object) -> dict[str, Any]:
    left = {"payload": {"protocol": protocol, "field": field}}
    return {"match": {"op": "==", "left": left, "right": right}}


def rulesets() -> Iterator[str]:
    every, one = {"range": [0, 65535]}, {"range": [22, 22]}
    for ports in ([every] * 900, [one] * 900, [22] * 100_000, every):
        for sources in (["1.1.1.1"] * 40_000, ["1.1.1.1"] * 90, "::/0"):
            port = matching("tcp", "dport", {"set": ports})
            yield ruleset(port, matching("ip", "saddr", {"set": sources}))
    wide = {"range": ["0.0.0.1", "255.255.255.254"]}
    yield ruleset(matching("tcp", "dport", 22), matching("ip", "saddr", wide), rules=5_000)
    yield ruleset(matching("tcp", "dport", 22), rules=5_000)
    yield "[" * ANSWER_BYTES
    yield '{"nftables": [' + filled("{},", ANSWER_BYTES // 2) + "{}]}"


def rules(answer: str) -> None:
    allowed = {("tcp", 22): nft.EVERYWHERE, ("tcp", 80): nft.EVERYWHERE}
    for chain in nft.input_chains(answer):
        nft.too_open(chain, allowed)


SSHD = "port 22\npasswordauthentication no\nauthorizedkeysfile x\n"


def settings(answer: str) -> None:
    for each in sshd.parse_effective(f"=== user=a,addr=b\n{answer}{SSHD}").values():
        sshd.shuts_out(each, "1.1.1.1")
        sshd.gone_after_s(each)
        sshd.outdated(each.get("ciphers", "").split(","))


def deep_policies() -> Iterator[str]:
    leaves = {str(number): 1 for number in range(40_000)}
    yield json.dumps({"policies": {"a" * 400_000: leaves}})
    found: Any = leaves
    for _ in range(800):
        found = {"a" * 500: found}
    yield json.dumps({"policies": found})


SETTINGS = {f"net.ipv4.conf.all.{name}": ["1"] for name in ("rp_filter", "shared_media")}
CONF = {
    f"net/ipv4/conf/a{number}/{name.rpartition('.')[2]}": 1
    for number in range(interfaces.MOST_VALUES // len(SETTINGS))
    for name in SETTINGS
}


def boots() -> Iterator[str]:
    for glob in ("*", "*a*a*a*b", "[!b]*", "?" * 30):
        patterns = [f"net/ipv4/conf/{glob}{n}/*=1\n" for n in range(interfaces.MOST_PATTERNS)]
        yield "".join(patterns)
        yield "".join(patterns) + filled("a=1\n")
    yield from map(
        filled, ("\n", " ", "a=1\n", "a= ", "-a\n", "-", "net/*/*/*/a\n", "*", "a/", "=", ".")
    )
    yield "a=x" + filled(" ", ANSWER_BYTES - 9) + "y"


def every_interface(answer: str) -> None:
    running = interfaces.values(answer)
    list(interfaces.wrong(SETTINGS, running, set()))


def running_values() -> Iterator[str]:
    yield "".join(f"{path}:1\n" for path in CONF)
    yield from map(filled, ("a:1\n", ":", "a/b/c/d/e:9\n", "net/ipv4/conf//rp_filter:1\n"))
    yield "a:" + "9" * 4_000


def link(name: str, addresses: int) -> dict[str, Any]:
    own = [{"local": f"10.{n // 250}.{n % 250}.1", "prefixlen": 32} for n in range(addresses)]
    return {"ifname": name, "flags": [], "addr_info": own}


def hop(device: str) -> dict[str, Any]:
    return {"dst": "10.250.1.1", "gateway": "10.250.250.250", "dev": device}


def kexinits() -> Iterator[str]:
    yield "\x14" + "\0" * 16 + "\0\0\x80\0" + "," * 0x8000


PARSERS: dict[str, tuple[Callable[[str], object], Callable[[], Iterator[str]]]] = {
    "sockets": (
        sockets.parse,
        of("tcp LISTEN 0 5 [::ffff:1.1.1.1]:8 *:*\n", 'udp UNCONN 0 0 1.1.1.1:9 *:* ("("\n'),
    ),
    "many sockets": (
        sockets.parse,
        lambda: iter(["".join(f"tcp LISTEN 0 5 1.1.1.1:{n} *:*\n" for n in range(20_000))]),
    ),
    "nft": (rules, rulesets),
    "sshd -T": (
        settings,
        lambda: iter(
            [
                filled("a b\n"),
                filled("persourcepenaltyexemptlist 1.1.1.1/8\n"),
                "persourcepenalties yes\npersourcepenaltyexemptlist " + filled("1.1.1.1/8,") + "\n",
                filled("=== user=a\n" + SSHD),
                "ciphers " + filled("a,") + "\n",
                "clientaliveinterval " + "9" * 4_000 + "\n",
            ]
        ),
    ),
    "apt-config": (apt.parse_dump, of('A "";\n', 'A "b";";\n', "A" * 999 + ' "')),
    "apt-get -s": (
        apt.pending_security,
        of("Inst a [b] (c d Debian-Security:\n", "Inst a (c ", "1 upgraded, ", "\n", "Inst (("),
    ),
    "apt's log": (apt.last_clean, of("2026-01-01 00:00:00,", "2026-01-01 0", "\n")),
    "Release": (
        apt.valid_until,
        lambda: ("Valid-Until: " + filled(word) for word in ("1 ", "Sun, ", "(", "9", "\\")),
    ),
    "origins": (apt.is_debian_security, of("a=b,", "=", ",")),
    "passwd": (
        lambda answer: access.people(access.parse_accounts(answer)),
        of("a:x:1000:1:::\n", "::9:::/:\n", ":"),
    ),
    "shadow": (
        partial(access.expired, today=TODAY),
        of("a:::::::1:\n", ":::::::9:\n", "a:"),
    ),
    "keys": (
        lambda answer: (access.foreign_lines(answer, {"AAAAx": TODAY}), access.blobs(answer)),
        of('"', ' "', 'a"b"', "a ", "a AAAAx\n", ' ""', '""" ', "expiry-time=", ",e", "\t"),
    ),
    "distro-info": (
        partial(support.last_day, release="b"),
        of('"', "series,eol\n", "b,2026-01-01\n", "series,eol,eol-lts\nb,,\n"),
    ),
    "kexinit": (lambda answer: kexinit.parse_kexinit(answer.encode("latin-1")), kexinits),
    "sysctl.d": (
        reading.sysctl_settings,
        of("\n", " ", "a=1\n", "a= ", "a", " a", "a = \t", "-"),
    ),
    "sysctl.d's patterns": (
        lambda answer: list(interfaces.wrong_at_boot(SETTINGS, answer, CONF, set())),
        boots,
    ),
    "interfaces": (every_interface, running_values),
    "ip link": (
        interfaces.owned,
        lambda: iter(
            [
                json.dumps([{"ifname": f"a{n}", "link_type": "ether"} for n in range(20_000)]),
                json.dumps([{"ifname": "br-" + "0" * 900_000, "link_type": "ether"}]),
                "[" * ANSWER_BYTES,
            ]
        ),
    ),
    "neighbours": (
        neighbours.strangers,
        lambda: (
            json.dumps([link("eth0", addresses)]) + "\n" + json.dumps([hop("eth0")] * hops)
            for addresses, hops in ((1, 2_000), (300, 2_000), (9_000, 1), (900, 900))
        ),
    ),
    "modprobe.d": (
        reading.refused_modules,
        of("\n", " ", "install ", "install a /bin/true ", "install\t", "install"),
    ),
    "units": (
        reading.loaded_rules,
        of("argv[]=", "argv[]=/", "argv[]=/nft -f /", "/nft -f /a ", "/nft"),
    ),
    "policies": (
        lambda answer: dict(reading.flat(json.loads(answer)["policies"])),
        deep_policies,
    ),
    "a finding": (one_line, of("\x1b", "\u2028", "\n", "a")),
}  # fmt: skip


def cost_s(parse: Callable[[str], object], answer: str) -> float:
    """Return the least of eight: other work on the machine adds to a process's time as well."""
    took = []
    while len(took) < 8 and min(took, default=1) > LIMIT_S / 2:
        began = time.process_time()
        with suppress(RempartError, ValueError, RecursionError):
            parse(answer)
        took.append(time.process_time() - began)
    return min(took)


@pytest.mark.parametrize("name", PARSERS)
def test_no_answer_costs_more_than_a_fifth_of_a_second(name: str) -> None:
    parse, answers = PARSERS[name]
    costs = {answer[:80]: cost_s(parse, answer[:ANSWER_BYTES]) for answer in answers()}
    assert max(costs.values()) < LIMIT_S, costs
