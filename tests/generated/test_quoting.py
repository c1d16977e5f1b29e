"""No value of a policy is more than that value: sh, nft, apt and ssh read it back."""

from __future__ import annotations

import json
import tempfile
from ipaddress import collapse_addresses, ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journey import observed, stock, wanted
from policies import POLICIES, TEXTS, TODAY, Document, loaded
from reading import assert_keys, file_of, said, without_exceptions
from recorder import calls

from rempart.engine.diff import diff
from rempart.errors import RempartError
from rempart.hardening import firewall
from rempart.hardening.accounts import KEY_FOLDER
from rempart.hardening.updates import DROP_IN as APT_DROP_IN
from rempart.policy import Host, Policy
from rempart.resources import User
from rempart.resources.base import call, encoded
from rempart.verify import sshconfig

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


@given(words=st.lists(WORDS, max_size=4), stdin=WORDS)
def test_words_reach_a_function_byte_for_byte(words: list[str], stdin: str) -> None:
    function, *arrived = calls(call("write_state", *words, stdin=encoded(stdin)))[0]
    assert (function, arrived) == ("write_state", [*words, f"{encoded(stdin)}\n"])


@given(documents=POLICIES)
def test_account_is_made_with_the_name_that_the_policy_says(
    documents: dict[str, Document],
) -> None:
    policy = loaded(documents)
    for host in policy.hosts:
        resources = wanted(policy, host)
        changes = diff(resources, observed(stock(policy, host), resources))
        made = [words for c in changes for words in calls(c.script) if words[0] == "useradd"]
        names = {words[-1]: words[words.index("--comment") + 1] for words in made}
        accounts = [r for r in resources if isinstance(r, User) and not r.system]
        people = {account.login: account.comment for account in accounts if not account.left}
        assert names == people


@given(documents=POLICIES)
def test_kernel_has_exactly_the_rules_that_the_policy_names(
    documents: dict[str, Document],
) -> None:
    policy = without_exceptions(documents)
    for host in policy.hosts:
        rules = file_of(policy, host, firewall.RULES)
        script = "nft -f - && nft -j list ruleset"
        answer = said("unshare", "-n", "sh", "-c", script, stdin=rules)
        loaded_rules = json.loads(answer)["nftables"]
        ours = [o["rule"] for o in loaded_rules if o.get("rule", {}).get("comment")]
        found = sorted(map(_accepted, ours), key=repr)
        assert found == sorted(_named(policy, host), key=repr)
        assert {o["chain"]["policy"] for o in loaded_rules if "chain" in o} == {"drop"}
        assert len([o for o in loaded_rules if "rule" in o]) == len(ours) + 5


def _accepted(rule: dict[str, Any]) -> tuple[str, str, frozenset[int], int]:
    """Return (comment, protocol, ports, number of addresses) of a rule; it must accept."""
    *matches, verdict = rule["expr"]
    assert verdict == {"accept": None}
    fields = {}
    for each in (match["match"] for match in matches):
        payload = each["left"]["payload"]
        right = each["right"]
        values = right["set"] if isinstance(right, dict) and "set" in right else [right]
        fields[payload["field"]] = (payload["protocol"], values)
    protocol, ports = fields["dport"]
    addresses = fields.get("saddr", ("", []))[1]
    return rule["comment"], protocol, frozenset(ports), sum(map(_size, addresses))


def _size(value: Any) -> int:
    if isinstance(value, dict) and "range" in value:
        low, high = (int(ip_network(end).network_address) for end in value["range"])
        return high - low + 1
    prefix = value["prefix"] if isinstance(value, dict) else {"addr": value, "len": None}
    text = prefix["addr"] if prefix["len"] is None else f"{prefix['addr']}/{prefix['len']}"
    return ip_network(text).num_addresses


def _named(policy: Policy, host: Host) -> list[tuple[str, str, frozenset[int], int]]:
    """Return the same of what the policy says, and of the two rules for DHCP."""
    fixed = [
        ("DHCP", "udp", frozenset({68}), 0),
        ("DHCPv6", "udp", frozenset({546}), ip_network("fe80::/10").num_addresses),
    ]
    wishes = [("ssh", "tcp", (host.port,), policy.automation_sources(host))]
    wishes += [
        (s.name, s.protocol, s.ports, s.from_)
        for s in policy.firewall.services
        if host.name in s.hosts
    ]
    for name, protocol, ports, networks in wishes:
        for version in (4, 6):
            family = [n for n in networks if n.version == version]
            if family:
                fixed.append((name, protocol, frozenset(ports), _union(family)))
    return fixed


def _union(networks: list[Any]) -> int:
    return sum(network.num_addresses for network in collapse_addresses(networks))


@given(documents=POLICIES)
def test_key_files_hold_exactly_the_keys_that_the_policy_names(
    documents: dict[str, Document],
) -> None:
    policy = loaded(documents)
    owners = {t.login: t.keys for t in policy.provider.technicians}
    owners |= {p.login: p.keys for p in policy.people}
    for host in policy.hosts:
        for login, keys in owners.items():
            text = file_of(policy, host, f"{KEY_FOLDER}/{login}")
            if text:
                assert_keys(text, [key.text for key in keys if key.is_valid(TODAY)])


@given(documents=POLICIES)
def test_apt_reboots_when_the_policy_says(documents: dict[str, Document]) -> None:
    policy = without_exceptions(documents)
    for host in policy.hosts:
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
            file.write(file_of(policy, host, APT_DROP_IN))
            file.flush()
            answer = said("apt-config", "-c", file.name, "dump", "Unattended-Upgrade")
        found = dict(line.split(" ", 1) for line in answer.splitlines())
        reboot = "true" if policy.updates.reboot else "false"
        assert found["Unattended-Upgrade::Automatic-Reboot"] == f'"{reboot}";'
        time = f'"{policy.reboot_time(host)}";'
        assert found["Unattended-Upgrade::Automatic-Reboot-Time"] == time


@given(documents=POLICIES, name=TEXTS)
def test_ssh_takes_the_key_file_that_the_provider_names(
    documents: dict[str, Document], name: str
) -> None:
    documents["provider.yaml"]["automation"]["key"] = f"/etc/rempart/{name}"
    policy = loaded(documents)
    with tempfile.TemporaryDirectory() as folder:
        if "${" in name:
            with pytest.raises(RempartError, match="rename it"):
                sshconfig.write(policy, Path(folder))
            return
        config = sshconfig.write(policy, Path(folder))
        for host in policy.hosts:
            answer = said("ssh", "-G", "-F", str(config), host.name).splitlines()
            found = dict(line.partition(" ")[::2] for line in answer)
            assert found["identityfile"] == str(policy.provider.automation.key).replace("%", "%%")
            assert found["user"] == policy.provider.automation.user
            assert found["hostname"] == str(host.address)
            assert found.get("proxyjump", "").strip("[]") == (host.jump or "")
