"""What others have set up: refused by name, or told once and left alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rempart.engine import foreign
from rempart.hardening.ssh import DROP_IN
from rempart.policy import Policy, load
from rempart.resources import File, Observation, Sysctl

EXAMPLE = Path(__file__).parents[3] / "inventories" / "example.yaml"
NAME = "accueil-1"


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load(EXAMPLE)


def refusals(
    policy: Policy, facts: dict[str, dict[str, tuple[str, ...]]], **host: object
) -> list[str]:
    subject = policy.host(NAME).model_copy(update=host)
    return foreign.refusals(policy, subject, Observation(facts))


@pytest.mark.parametrize("name", ["ufw", "firewalld", "iptables-persistent"])
def test_other_firewall_is_refused_by_name_with_two_ways_out(policy: Policy, name: str) -> None:
    facts: dict[str, dict[str, tuple[str, ...]]] = {"firewall": {name: ()}}
    (reason,) = refusals(policy, facts)
    assert reason.startswith(f"{name} is active")
    assert "switch it off there by hand" in reason
    assert f"take_over: [{name}] at hosts[{NAME}]" in reason
    assert refusals(policy, facts, take_over=(name,)) == []


def test_fail2ban_that_may_ban_us_is_refused_with_the_line_to_add(policy: Policy) -> None:
    sources = [str(network) for network in policy.automation_sources(policy.host(NAME))]
    (reason,) = refusals(policy, {"jail": {"sshd": ("127.0.0.0/8 ::1 host.example",)}})
    assert f"add {' '.join(sources)} to ignoreip" in reason
    assert refusals(policy, {"jail": {"sshd": (" ".join(sources),)}}) == []
    assert refusals(policy, {"jail": {"sshd": ("0.0.0.0/0 ::/0",)}}) == []


def test_notes_name_what_stays() -> None:
    ours = File(concern="ssh", path=DROP_IN, content="PermitRootLogin no\nLogLevel VERBOSE\n")
    facts: dict[str, dict[str, tuple[str, ...]]] = {
        "jail": {"sshd": ("",)},
        "rules": {"ip filter": ()},
        "job": {"/etc/cron.d/restic": (), "borgmatic.timer": ()},
        "sshd": {"PermitRootLogin yes": (), "Banner /etc/issue": ()},
        "owned": {"wg0": ("a tunnel", "2", "1"), "x": ()},
    }
    assert foreign.notes([ours], Observation(facts)) == [
        "fail2ban is at work (jails sshd); it stays",
        "packets must also pass rules that are not ours: ip filter",
        "there are backups that are not ours, which stay: /etc/cron.d/restic, borgmatic.timer",
        "wg0 is an interface of others (a tunnel): its rp_filter (2) and forwarding (1) stay as"
        " they are",
        "x is an interface of others (): its rp_filter () and forwarding () stay as they are",
        "sshd has lines of its own, which stay: Banner /etc/issue",
    ]
    assert foreign.notes([replace(ours, content="")], Observation({})) == []


def test_notes_say_why_a_setting_is_weaker_here() -> None:
    setting = Sysctl(concern="kernel", setting="net.x", value="2", with_strangers="1")
    stranger = Observation({"stranger": {"192.0.2.1 on eth0": ()}})
    (note,) = foreign.notes([setting], stranger)
    assert note == (
        "net.x is 1 and not 2: in no network of this host, and so never answered with 2, would be"
        " 192.0.2.1 on eth0"
    )
    assert foreign.notes([setting], Observation({})) == []
    assert foreign.notes([replace(setting, with_strangers=None)], stranger) == []
