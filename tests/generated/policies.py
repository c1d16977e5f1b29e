"""Valid policies as YAML text: many, odd and hostile, each read by the real loader.

>>> policy = loaded(POLICIES.example())
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import strategies as st

from rempart.controls import CONTROLS
from rempart.policy import Policy, load
from rempart.policy.value import LABEL

TODAY = date(2026, 11, 22)

Document = dict[str, Any]
Draw = Callable[[st.SearchStrategy[Any]], Any]

NASTY = (
    "'", '"', "\\", "`id`", "$(id)", "${HOME}", "%n", "%u", "%%", ";", "#", "&&", "|", "\\n", "*",
    "!", "{{ user }}", "{% raw %}", "<<EOF", "BASE64", "TABLE", "SUMS", "-", "--help", "~", "=",
    " ", "  ", "é", "漢字", "ß", "😀", "a\u0301", "[red]", "{", "}", "//", "/*", "absent", "null",
    "yes", "0x1", "1e3", "!!str", "&a", "- ", "? ", "@", "<", ">", "$'\\x0a'",
)  # fmt: skip
PRINTABLE = st.characters(codec="utf-8", categories=["L", "M", "N", "P", "S"])
TEXTS = st.lists(st.sampled_from(NASTY) | PRINTABLE, min_size=1, max_size=6).map(
    lambda parts: "".join(parts).strip() or "x"
)
"""One line of printable characters: all that a policy's free text may be."""

NAMES = TEXTS.map(lambda text: text.translate({ord(","): ".", ord(":"): "."}))
COMMENTS = TEXTS.map(lambda text: f"comment {text}")
LOGINS = st.sampled_from(["a.", "a-", "z..z", "defaults", "all", "match", "any", "x--y"]) | (
    st.from_regex(r"z[a-z0-9_.-]{0,31}", fullmatch=True)
)
LABELS = st.from_regex(LABEL, fullmatch=True)
DAYS = st.integers(-40, 40).map(lambda days: (TODAY + timedelta(days=days)).isoformat())
CLOCKS = st.times().map(lambda time: time.strftime("%H:%M"))
ADDRESSES = st.one_of(
    st.integers(1 << 24, (224 << 24) - 1).map(IPv4Address),
    st.integers(1 << 112, (0xFF << 120) - 1).map(IPv6Address),
).map(str)


@st.composite
def networks(draw: Draw, narrow: bool = False) -> str:
    """Return a network with its host bits zero; ``narrow`` as a management network must be."""
    address = ip_address(draw(ADDRESSES))
    shortest = (8 if address.version == 4 else 16) if narrow else 0
    length = draw(st.integers(shortest, address.max_prefixlen))
    return str(ip_network(f"{address}/{length}", strict=False))


@st.composite
def policies(draw: Draw) -> dict[str, Document]:
    """Return the documents of a practice (``t.yaml``) and its provider (``provider.yaml``)."""
    logins = draw(st.lists(LOGINS, min_size=2, max_size=7, unique=True))
    keys = _Keys(draw)
    technicians = [
        {"login": logins.pop(), "name": draw(NAMES), "keys": keys.some(1)}
        for _ in range(draw(st.integers(0, min(2, len(logins) - 1))))
    ]
    automation = {
        "user": logins.pop(),
        "key": "/etc/rempart/automation",
        "public_key": keys.one()["key"],
    }
    hosts = _hosts(draw)
    provider = {
        "name": draw(TEXTS),
        "management": draw(st.lists(networks(narrow=True), min_size=1, max_size=4)),
        "automation": automation,
        "technicians": technicians,
    }
    practice = {
        "practice": {"name": draw(LABELS), "title": draw(TEXTS)},
        "provider": "provider.yaml",
        "hosts": hosts,
        "people": [_person(draw, login, keys, _names(hosts)) for login in logins],
        "firewall": {"services": _services(draw, hosts)},
        "updates": {"reboot": draw(st.booleans()), "reboot_time": draw(CLOCKS)},
        "time": {"servers": draw(st.lists(ADDRESSES, max_size=2))},
        "exceptions": draw(st.lists(_exceptions(_names(hosts)), max_size=4)),
    }
    return {"t.yaml": practice, "provider.yaml": provider}


class _Keys:
    """Keys that nobody else has: the 32 bytes of a private ed25519 key are any 32 bytes."""

    def __init__(self, draw: Draw) -> None:
        self.draw, self.made = draw, 0

    def one(self) -> Document:
        self.made += 1
        line = _public(self.made)
        comment = self.draw(st.none() | COMMENTS)
        key = {"key": f"{line} {comment.strip()}" if comment else line}
        expires = self.draw(st.none() | DAYS)
        return key | ({"expires": expires} if expires else {})

    def some(self, least: int) -> list[Document]:
        return [self.one() for _ in range(self.draw(st.integers(least, 2)))]


def _names(hosts: Iterable[Document]) -> list[str]:
    return [host["name"] for host in hosts]


def _hosts(draw: Draw) -> list[Document]:
    """Return one to three hosts; each may be behind one that stands before it."""
    names = draw(st.lists(LABELS, min_size=1, max_size=3, unique=True))
    places = draw(
        st.lists(ADDRESSES, min_size=2 * len(names), max_size=2 * len(names), unique=True)
    )
    hosts: list[Document] = []
    for index, name in enumerate(names):
        host = {
            "name": name,
            "role": draw(st.sampled_from(["workstation", "sftp_server"])),
            "address": places[2 * index],
            "inside": places[2 * index + 1],
            "port": draw(st.sampled_from([22, 22, 2222, 65535])),
            "traits": _traits(draw(st.sampled_from(["12", "13"]))),
        }
        jump = draw(st.none() | st.sampled_from(hosts or [None]))
        hosts.append(host | ({"jump": jump["name"]} if jump else {}))
    return hosts


def _traits(release: str) -> Document:
    return {
        "os": "debian",
        "release": release,
        "codename": {"12": "bookworm", "13": "trixie"}[release],
        "arch": "amd64",
        "virtualisation": "none",
        "memory": "standard",
        "desktop": "none",
        "locale": "fr_FR.UTF-8",
    }


@cache
def _public(seed: int) -> str:
    key = Ed25519PrivateKey.from_private_bytes(seed.to_bytes(32, "big")).public_key()
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def _person(draw: Draw, login: str, keys: _Keys, hosts: list[str]) -> Document:
    begin, end = sorted(draw(st.tuples(DAYS, DAYS)))
    person = {
        "login": login,
        "name": draw(NAMES),
        "role": draw(st.sampled_from(["practitioner", "administrator", "intern"])),
        "hosts": draw(st.lists(st.sampled_from(hosts), min_size=1, unique=True)),
        "keys": keys.some(0),
        "scheduled_jobs": draw(st.booleans()),
    }
    dates = draw(st.sampled_from([{}, {"from": begin}, {"until": end}]))
    return person | dates


def _services(draw: Draw, hosts: list[Document]) -> list[Document]:
    ports = st.integers(1, 65535).filter(lambda port: port not in {22, 2222, 65535})
    return [
        {
            "name": name,
            "protocol": draw(st.sampled_from(["tcp", "udp"])),
            "ports": draw(st.lists(ports, min_size=1, max_size=3)),
            "hosts": draw(st.lists(st.sampled_from(_names(hosts)), min_size=1, unique=True)),
            "from": draw(st.lists(networks(), min_size=1, max_size=3)),
        }
        for name in draw(st.lists(LABELS, max_size=2, unique=True))
    ]


def _exceptions(hosts: list[str]) -> st.SearchStrategy[Document]:
    return st.fixed_dictionaries(
        {
            "control": st.sampled_from(list(CONTROLS)),
            "host": st.sampled_from(hosts),
            "reason": TEXTS,
            "expires": DAYS,
        }
    )


POLICIES = policies()


def yaml(value: Any, margin: str = "") -> str:
    """Return plain data as YAML in lines; JSON's texts, lists and numbers are YAML's too."""
    lines = []
    for name, inner in value.items():
        key = name if name.isidentifier() else json.dumps(name, ensure_ascii=False)
        if inner and isinstance(inner, dict):
            lines.append(f"{margin}{key}:\n{yaml(inner, margin + '  ')}")
        elif isinstance(inner, list) and inner and all(i and isinstance(i, dict) for i in inner):
            items = (yaml(item, margin + "    ") for item in inner)
            text = "".join(f"{margin}  - {item[len(margin) + 4 :]}" for item in items)
            lines.append(f"{margin}{key}:\n{text}")
        else:
            lines.append(f"{margin}{key}: {json.dumps(inner, ensure_ascii=False)}\n")
    return "".join(lines)


def loaded(documents: dict[str, Document]) -> Policy:
    """Return the policy that the documents are as files; PolicyError as for ``load``."""
    with tempfile.TemporaryDirectory(prefix="policy.") as folder:
        for name, document in documents.items():
            (Path(folder) / name).write_text(yaml(document), encoding="utf-8")
        return load(Path(folder) / "t.yaml")
