"""What the checks share: the policy, the host, another host to try from, and bulky answers."""

from __future__ import annotations

import json
from datetime import date
from ipaddress import IPv6Address

import pytest

from rempart.engine.route import Route
from rempart.errors import RempartError
from rempart.policy import Host, Policy, load
from rempart.verify import access, attempt, nft, reach, sockets, sshd
from rempart.verify.machine import AnswerError, Machine

FOREIGN = "192.0.2.1"
"""An address of nobody (RFC 5737): what sshd would do for a stranger."""

MOST_PEOPLE = 200
"""Accounts for which `sshd -T` is asked, 20 ms each; a host with more is no host of a practice."""

MOST_PEERS = 3
"""Hosts that are asked to try ports, one after another, until one answers."""


@pytest.fixture(scope="session")
def policy(pytestconfig: pytest.Config) -> Policy:
    """The practice's policy."""
    return load(pytestconfig.getoption("--inventory"))


@pytest.fixture(scope="session")
def today(pytestconfig: pytest.Config) -> date:
    """The day to judge by."""
    day: date = pytestconfig.getoption("--today")
    return day


@pytest.fixture(scope="session")
def subject(policy: Policy, pytestconfig: pytest.Config) -> Host:
    """The host that is verified, as the policy has it."""
    return policy.host(pytestconfig.getoption("--hostname"))


@pytest.fixture(scope="session")
def route(policy: Policy, subject: Host) -> Route:
    """The way to it."""
    return policy.route(subject)


@pytest.fixture(scope="session")
def machine(subject: Host, pytestconfig: pytest.Config) -> Machine:
    """The host, to be asked as root."""
    return Machine(subject.name, pytestconfig.getoption("--ssh-config"))


@pytest.fixture(scope="session")
def container(machine: Machine) -> str:
    """The kind of container that the host is, whose kernel is another machine's; else ``""``."""
    kind = machine.ask("systemd-detect-virt --container", ok=(0, 1)).strip()
    return "" if kind == "none" else kind


@pytest.fixture(scope="session")
def peer(
    policy: Policy, subject: Host, pytestconfig: pytest.Config
) -> Machine | RempartError | None:
    """Another host of the practice, to try from; why none answers; None where there is none."""
    candidates = reach.peers(policy, subject)[:MOST_PEERS]
    for candidate in candidates:
        machine = Machine(candidate.name, pytestconfig.getoption("--ssh-config"))
        try:
            machine.ask("true", timeout_s=30)
        except RempartError:
            continue
        return machine
    if candidates:
        names = ", ".join(candidate.name for candidate in candidates)
        return AnswerError(f"no other host could be reached to try from (got {names})")
    return None


@pytest.fixture(scope="session")
def login(route: Route) -> attempt.Login:
    """A new login with the automation key, just made."""
    return attempt.log_in(route)


@pytest.fixture(scope="session")
def accounts(machine: Machine) -> list[access.Account]:
    """All accounts of the host; root is always one."""
    found = access.parse_accounts(machine.ask("getent passwd"))
    if not any(account.login == "root" for account in found):
        raise AnswerError("getent passwd: names no root")
    return found


@pytest.fixture(scope="session")
def effective(
    policy: Policy, machine: Machine, accounts: list[access.Account], login: attempt.Login
) -> dict[str, sshd.Settings]:
    """sshd's effective settings for root, the automation account and all people, from two places.

    ``"m.durand from 192.0.2.1" -> {"passwordauthentication": "no", …}``
    """
    automation = policy.provider.automation.user
    named = [a.login for a in access.people(accounts) if access.is_safe(a.login)]
    if len(named) > MOST_PEOPLE:
        raise AnswerError(f"getent passwd: names more than {MOST_PEOPLE} people (got {len(named)})")
    logins = dict.fromkeys(["root", automation, attempt.THROWAWAY, *named])
    local = f"laddr={login.destination},lport={login.port}"
    connections = [f"addr={source},{local}" for source in (login.source, FOREIGN)]
    return sshd.parse_effective(
        machine.ask(sshd.effective_command(logins, connections), name="sshd -T -C")
    )


@pytest.fixture(scope="session")
def listening(machine: Machine, policy: Policy, subject: Host) -> list[sockets.Listener]:
    """The sockets that are open beyond loopback.

    Unknown ones are looked for a second time: sockets of a moment, such as those with which a
    resolver asks, do not count.
    """
    first = sockets.parse(machine.ask(sockets.COMMAND))
    if all(reach.is_known(policy, subject, each) for each in first):
        return first
    second = sockets.parse(machine.ask(f"sleep 1; {sockets.COMMAND}"))
    return [each for each in first if each in second]


@pytest.fixture(scope="session")
def input_chains(machine: Machine) -> list[nft.InputChain]:
    """What the kernel does with incoming packets now."""
    return nft.input_chains(machine.ask("nft -j list ruleset"))


@pytest.fixture(scope="session")
def addresses(machine: Machine, subject: Host) -> list[str]:
    """The host's address of the policy, and the IPv6 addresses it says it has."""
    try:
        interfaces = json.loads(machine.ask("ip -j -6 address show scope global"))
        listed = [entry for each in interfaces for entry in each.get("addr_info", ())]
        # Interfaces without such an address are left as empty objects.
        claimed = [IPv6Address(entry["local"]) for entry in listed if entry]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AnswerError(f"ip: its JSON cannot be read (got {error!r})") from error
    return list(dict.fromkeys([str(subject.address), *map(str, claimed[:4])]))
