"""The operator's own way in: every state that would end it is refused with what to correct."""

from __future__ import annotations

from pathlib import Path

import pytest

from rempart.engine.wayin import refusals
from rempart.hardening.accounts import KEY_FOLDER, SSH_GROUP
from rempart.policy import Policy, load
from rempart.resources import File, Observation, Resource, User

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHSI2gdZ/fnLVhCT19exUwrr2d46WoxFjh6gIy8DxIZ9"
STRANGER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAiiqgxj699OmvVagOrkKutZzxYwneDc63u90gy+TuhH"

PROVIDER = f"""\
name: P
management: [203.0.113.0/24, "2001:db8::/64"]
automation: {{key: k, public_key: {KEY}}}
"""
PRACTICE = """\
practice: {name: t, title: T}
provider: provider.yaml
hosts:
  - {name: front, role: sftp_server, address: 198.51.100.7, inside: 192.168.1.2}
  - {name: back, role: workstation, address: 192.168.1.10, port: 2222, jump: front}
"""


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    (tmp_path / "provider.yaml").write_text(PROVIDER)
    (tmp_path / "t.yaml").write_text(PRACTICE)
    return load(tmp_path / "t.yaml")


def wanted(key: str = KEY, groups: tuple[str, ...] = (SSH_GROUP,)) -> list[Resource]:
    return [
        File(concern="accounts", path=f"{KEY_FOLDER}/rempart", content=f"{key}\n"),
        User(concern="accounts", login="rempart", comment="", groups=groups),
    ]


def reasons(
    policy: Policy, way: str, host: str = "front", desired: list[Resource] | None = None
) -> list[str]:
    seen = Observation({"way": {"ssh": (way,)}} if way else {})
    return refusals(policy, policy.host(host), wanted() if desired is None else desired, seen)


@pytest.mark.parametrize(
    ("way", "host"),
    [
        ("203.0.113.9 50000 198.51.100.7 22", "front"),
        ("2001:db8::9 50000 2001:db8:1::7 22", "front"),
        ("192.168.1.2 50000 192.168.1.10 2222", "back"),
    ],
)
def test_way_that_stays_open_is_no_reason(policy: Policy, way: str, host: str) -> None:
    assert reasons(policy, way, host) == []


def test_address_outside_management_is_named(policy: Policy) -> None:
    assert reasons(policy, "192.0.2.1 50000 198.51.100.7 22") == [
        "this connection comes from 192.0.2.1, which the wanted firewall shuts out;"
        " add it to management in the provider file"
    ]


def test_address_that_is_not_the_jump_hosts_inside_is_named(policy: Policy) -> None:
    """From the management network directly is wrong too: only the jump host's address is let in."""
    assert reasons(policy, "203.0.113.9 50000 192.168.1.10 2222", "back") == [
        "this connection comes from 203.0.113.9, which the wanted firewall shuts out;"
        " add it to hosts[front].inside in t.yaml"
    ]


def test_port_that_would_be_closed_is_named(policy: Policy) -> None:
    (reason,) = reasons(policy, "203.0.113.9 50000 198.51.100.7 2222")
    assert "comes in on port 2222, the policy opens port 22; write hosts[front].port" in reason


@pytest.mark.parametrize("way", ["", "nonsense", "203.0.113.9", "203.0.113.9 1 2", "x 1 y z"])
def test_host_that_does_not_say_the_way_is_refused(policy: Policy, way: str) -> None:
    (reason,) = reasons(policy, way)
    assert "does not say from which address" in reason


@pytest.mark.parametrize(
    ("desired", "reason"),
    [
        (wanted(key=STRANGER), "key file of rempart does not hold the automation key"),
        (wanted()[1:], "key file of rempart does not hold the automation key"),
        (wanted(groups=("sudo",)), "the wanted account rempart is not in group"),
        (wanted()[:1], "the wanted account rempart is not in group"),
    ],
)
def test_state_that_takes_the_automations_key_or_group_is_refused(
    policy: Policy, desired: list[Resource], reason: str
) -> None:
    (said,) = reasons(policy, "203.0.113.9 50000 198.51.100.7 22", desired=desired)
    assert reason in said
