"""Which sockets of a host are known, and who may reach which of its ports."""

from __future__ import annotations

from pathlib import Path

import pytest

from rempart.policy import Policy, load
from rempart.policy.firewall import Firewall, Service
from rempart.verify import mdns, reach, sockets

EXAMPLE = Path(__file__).parents[3] / "inventories" / "example.yaml"
AVAHI = 'users:(("avahi-daemon",pid=7,fd=1)) cgroup:/system.slice/avahi-daemon.service'
OWN_GROUP = "/user.slice/user-1000.slice/avahi-daemon.service"
INSIDE = "/user.slice/a cgroup:/system.slice/avahi-daemon.service"


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load(EXAMPLE)


def known(policy: Policy, host: str, rest: str, protocol: str = "udp", port: int = 5353) -> bool:
    state = "UNCONN" if protocol == "udp" else "LISTEN"
    (found,) = sockets.parse(f"{protocol} {state} 0 0 0.0.0.0:{port} 0.0.0.0:* {rest}   \n")
    return reach.is_known(policy, policy.host(host), found)


def test_avahi_of_a_workstation_is_known_on_every_port(policy: Policy) -> None:
    assert known(policy, "fauteuil-1", AVAHI)
    assert known(policy, "fauteuil-1", AVAHI, port=48390)
    assert not known(policy, "fauteuil-1", AVAHI, "tcp", 48390)
    assert not known(policy, "srv-sftp", AVAHI)


def test_avahi_of_a_server_is_known_where_the_policy_names_mdns(policy: Policy) -> None:
    service = Service.model_validate(
        {"name": "mdns", "hosts": ["srv-sftp"], "from": ["192.168.1.0/24"]}
    )
    named = policy.model_copy(update={"firewall": Firewall(services=(service,))})
    assert known(named, "srv-sftp", AVAHI, port=48390)
    assert not known(named, "srv-sftp", "", port=48390)


@pytest.mark.parametrize(
    "rest",
    [
        "",
        "cgroup:/system.slice/evil.service",
        f"cgroup:{OWN_GROUP}",
        f'users:(("a",pid=7,fd=1)) cgroup:{INSIDE}',
        f'users:((" cgroup:/system",pid=7,fd=1)) {AVAHI.partition(" ")[2]}',
        AVAHI.partition(" ")[0],
    ],
)
def test_name_of_avahi_is_not_enough(policy: Policy, rest: str) -> None:
    assert not known(policy, "fauteuil-1", rest)


def test_port_is_for_the_networks_that_the_policy_names(policy: Policy) -> None:
    host = policy.host("accueil-1")
    assert ("udp", 5353) in reach.may_reach(policy, host, "192.168.1.40")
    assert ("udp", 5353) not in reach.may_reach(policy, host, "192.168.2.40")


def test_question_is_for_the_name_of_an_address() -> None:
    asked = mdns.question("10.77.0.5")
    assert asked.endswith(b"\x015\x010\x0277\x0210\x07in-addr\x04arpa\0\0\x0c\0\x01")
    assert b"\x03ip6\x04arpa\0" in mdns.question("fd77::5")
