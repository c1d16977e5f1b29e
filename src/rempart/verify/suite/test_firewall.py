"""FW-1 to FW-4: nothing comes in but what the policy names, now and after a reboot."""

from __future__ import annotations

from shlex import quote

import pytest

from rempart.policy import Host, Policy
from rempart.verify import nft, reach, reading, sockets
from rempart.verify.machine import Machine
from rempart.verify.proof import Proof

_ENABLED_UNITS = """
units=$(systemctl list-unit-files --type=service --state=enabled --no-legend --plain |
    cut -d' ' -f1 | grep -v '@[.]')
systemctl show -p Id -p ExecStart -p Before -- $units
"""


@pytest.mark.control("FW-1")
def test_the_kernel_drops_by_default(input_chains: list[nft.InputChain], proof: Proof) -> None:
    """The kernel drops what no rule accepts, IPv4 and IPv6."""
    seen = ", ".join(f"{chain.name} policy {chain.policy}" for chain in input_chains)
    holds = any(chain.drops for chain in input_chains)
    proof.that(holds, "an inet chain on input, policy drop", seen or "no chain", "nft -j")


@pytest.mark.control("FW-1")
def test_an_early_unit_loads_the_rules(machine: Machine, proof: Proof) -> None:
    """A reboot brings the same: an enabled unit loads such rules before the network is up.

    What the unit loads is tried in an empty network namespace.
    """
    early = [
        path
        for block in machine.ask(_ENABLED_UNITS, name="systemctl show").split("\n\n")
        if "network-pre.target" in block
        for path in reading.loaded_rules(block)
    ]
    good = [path for path in dict.fromkeys(early[:20]) if _drops(machine, path)]
    wanted = "an enabled unit before network-pre.target that loads policy drop"
    seen = f"{', '.join(early)}: no such chain" if early else "no enabled unit runs nft -f"
    how = "systemctl show, nft in a namespace"
    proof.that(bool(good), wanted, ", ".join(good) or seen, how)


def _drops(machine: Machine, path: str) -> bool:
    script = f"nft -f {path} && nft -j list ruleset"
    loaded = machine.ask(f"unshare --net sh -c {quote(script)}", ok=(0, 1))
    return bool(loaded) and any(chain.drops for chain in nft.input_chains(loaded))


_ACTIVE_UNITS = """
units=$(systemctl list-units --type=service --state=active --no-legend --plain | cut -d' ' -f1)
systemctl show -p ExecStart -- $units
"""


@pytest.mark.control("FW-4")
def test_the_rules_that_run_are_the_reviewed_ones(machine: Machine, proof: Proof) -> None:
    """The kernel has, unaltered, the tables of a file that a running unit loaded.

    The file is loaded in an empty network namespace, and both are printed by nft.
    """
    files = reading.loaded_rules(machine.ask(_ACTIVE_UNITS, name="systemctl show"))
    runs = machine.ask("nft list ruleset")
    loaded = {
        path: machine.ask(f"unshare --net sh -c {quote(f'nft -f {path} && nft list ruleset')}")
        for path in sorted(set(files))[:20]
    }
    same = [path for path, rules in loaded.items() if rules.strip() and rules.strip() in runs]
    wanted = "the tables of a file that a unit loads"
    proof.that(bool(same), wanted, f"other rules than {', '.join(loaded) or 'any file'}", "nft")


@pytest.mark.control("FW-2")
def test_no_rule_is_wider_than_the_policy(
    input_chains: list[nft.InputChain], policy: Policy, subject: Host, proof: Proof
) -> None:
    """Every accepting rule is one that the policy names, for its networks alone."""
    allowed = reach.allowed(policy, subject)
    findings = [nft.too_open(chain, allowed) for chain in input_chains if chain.drops]
    # A packet has to pass every chain, so the strictest one counts.
    fewest = min(findings, key=len, default=["everything, no chain drops"])
    proof.none(fewest, "nothing wider than the policy", "nft -j")


@pytest.mark.control("FW-3")
def test_every_listening_port_is_known(
    listening: list[sockets.Listener], policy: Policy, subject: Host, proof: Proof
) -> None:
    """Every socket that listens beyond loopback is known: the policy's, or a desktop's avahi."""
    unknown = [each for each in listening if not reach.is_known(policy, subject, each)]
    proof.none(unknown, "no unknown listening port", "ss")
