"""No value of a policy is more than that value: sh, sshd, nft, sudo, apt and ssh read it back."""

from __future__ import annotations

import json
import subprocess
import tempfile
from ipaddress import collapse_addresses, ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journey import observed, stock, wanted
from policies import POLICIES, TEXTS, TODAY, Document, loaded
from recorder import calls

from rempart.engine.diff import diff
from rempart.enroll.account import script as enrolment
from rempart.errors import RempartError
from rempart.hardening import firewall
from rempart.hardening.accounts import KEY_FOLDER
from rempart.hardening.ssh import DROP_IN
from rempart.hardening.updates import DROP_IN as APT_DROP_IN
from rempart.policy import Host, Policy
from rempart.policy.key import fingerprint
from rempart.resources import File, User
from rempart.resources.base import call, encoded
from rempart.verify import sshconfig

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


def said(*command: str, stdin: str = "") -> str:
    """Return what a program prints about our text; it must take it."""
    done = subprocess.run(
        command, input=stdin.encode(), capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def file_of(policy: Policy, host: Host, path: str) -> str:
    """Return a file as the host would get it; '' where its control is excepted."""
    files = {r.path: r.content or "" for r in wanted(policy, host) if isinstance(r, File)}
    return files.get(path, "")


def without_exceptions(documents: dict[str, Document]) -> Policy:
    return loaded(documents).model_copy(update={"exceptions": ()})


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


@pytest.fixture(scope="module")
def host_key(tmp_path_factory: pytest.TempPathFactory) -> str:
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # made by the daemon's unit, which is off
    path = str(tmp_path_factory.mktemp("sshd") / "key")
    said("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path)
    return path


@given(documents=POLICIES)
def test_sshd_forwards_for_the_named_logins_to_the_named_places_alone(
    host_key: str, documents: dict[str, Document]
) -> None:
    policy = without_exceptions(documents)
    operators = {t.login for t in policy.provider.technicians} | {policy.provider.automation.user}
    for host in policy.hosts:
        behind = {h.name: h for h in policy.hosts if h.jump == host.name}.values()
        places = {_place(other) for other in behind}
        text, exempt = _for_this_sshd(file_of(policy, host, DROP_IN))
        assert exempt in ([], [",".join(map(str, policy.automation_sources(host)))])
        for login in operators | {person.login for person in policy.people} | {"stranger"}:
            settings = _sshd(host_key, text, login)
            allowed = login in operators and behind
            assert settings["allowtcpforwarding"] == ("local" if allowed else "no")
            assert settings["allowgroups"] == "rempart-ssh"
            assert settings["passwordauthentication"] == "no"
            if allowed:
                assert set(settings["permitopen"].split(" ")) == places


def _place(host: Host) -> str:
    address = f"[{host.address}]" if host.address.version == 6 else str(host.address)
    return f"{address}:{host.port}"


def _for_this_sshd(text: str) -> tuple[str, list[str]]:
    """Return the file without what only a newer sshd knows, and the values of that."""
    keyword = "PerSourcePenaltyExemptList "
    lines = text.splitlines()
    kept = [line for line in lines if not line.startswith(keyword)]
    return "\n".join(kept), [line.removeprefix(keyword) for line in lines if line not in kept]


def _sshd(host_key: str, text: str, login: str) -> dict[str, str]:
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(text)
        file.flush()
        who = f"user={login},host=x.example,addr=192.0.2.9"
        answer = said("/usr/sbin/sshd", "-T", "-h", host_key, "-f", file.name, "-C", who)
    return dict(line.partition(" ")[::2] for line in answer.splitlines())


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


def assert_keys(text: str, keys: list[str]) -> None:
    """Check that ssh-keygen reads these keys and comments, in any order, and no others."""
    lines = said("ssh-keygen", "-l", "-f", "/dev/stdin", stdin=text).splitlines()
    read = dict(line.removesuffix(" (ED25519)").split(" ", 2)[1:] for line in lines)
    assert len(lines) == len(keys)
    assert read.keys() == set(map(fingerprint, keys))
    for key in keys:  # in place of no comment it may show the options
        for comment in key.split(" ", 2)[2:]:
            assert read[fingerprint(key)] == comment


@given(documents=POLICIES)
def test_sudo_trusts_the_automation_account_and_nobody_else(
    documents: dict[str, Document],
) -> None:
    policy = loaded(documents)
    user = policy.provider.automation.user
    for host in policy.hosts:
        values = enrolment(policy, host).partition("# Makes the automation account")[0]
        show = 'printf \'%s\\0\' "$user" "$sudoers" "$key_line" "$access_group"'
        found = said("sh", "-eus", stdin=f"{values}{show}\n").split("\0")
        assert (found[0], found[3]) == (user, "rempart-ssh")
        said("/usr/sbin/visudo", "-c", "-f", "-", stdin=f"{found[1]}\n")
        sudoers = json.loads(said("cvtsudoers", "-f", "json", stdin=f"{found[1]}\n"))
        assert sudoers.keys() == {"Defaults", "User_Specs"}
        (spec,), (default,) = sudoers["User_Specs"], sudoers["Defaults"]
        assert spec["User_List"] == default["Binding"] == [{"username": user}]
        assert_keys(f"{found[2]}\n", [policy.provider.automation.public_key])


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
