"""A host whose gateway is in none of its networks goes on answering it, long after the guard."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import practice
import pytest
from breaks import findings
from patient import Patient, enrolled

from lab.host import Host
from lab.requirements import program
from lab.topology import LAB, MACHINE_ADDRESS
from rempart.engine.remote import shell
from rempart.verify import neighbours

ARP_IGNORE = "net.ipv4.conf.all.arp_ignore"
BOOTS = "/etc/sysctl.d/60-rempart.conf"

HostFactory = Callable[..., Host]


def hosted(host: Host) -> None:
    """Give the host its address as hosted servers have it: alone, the gateway outside of it."""
    host.run(
        f"ip address del {host.address}/24 dev eth0 &&"
        f"ip address add {host.address}/32 dev eth0 &&"
        f"ip route replace {MACHINE_ADDRESS} dev eth0 scope link &&"
        f"ip route replace default via {MACHINE_ADDRESS} dev eth0"
    )


def hardened(host: Host, folder: Path) -> Patient:
    """Return the host as `t/a` after an apply of `intermediary`."""
    patient = enrolled(host, folder)
    practice.edit(patient.inventory, lambda data: data.update(baseline="intermediary"))
    done = practice.rempart("apply", patient.inventory, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    return patient


def forget_at_the_gateway(host: Host) -> None:
    """Let the gateway ask anew, and the host, which knows the gateway for good, say nothing."""
    mac = LAB.hardware_address(1)
    host.run(f"ip neighbour replace {MACHINE_ADDRESS} lladdr {mac} dev eth0 nud permanent")
    subprocess.run([program("ip"), "neighbour", "del", host.address, "dev", LAB.bridge], check=True)


def planned(patient: Patient) -> dict[str, Any]:
    """Return the plan of `t/a`, as `--json` has it."""
    done = practice.rempart("plan", patient.inventory, "--json")
    (plan,) = json.loads(done.stdout)["hosts"]
    return dict(plan)


def red(patient: Patient) -> list[str]:
    """Return what verify says against the value that runs, and the one for boots."""
    done = practice.rempart("verify", patient.inventory, "--json", "--control", "PR-4")
    found = findings(json.loads(done.stdout)["hosts"]["t/a"]).get("PR-4", [])
    return [each.rpartition("actual ")[2] for each in found if ARP_IGNORE in each]


@pytest.mark.parametrize("silent_s", [0, 180], ids=["at-once", "three-minutes-later"])
@pytest.mark.parametrize("image", ["debian-12", "debian-13"])
def test_gateway_outside_every_network_is_still_answered(
    fresh_host: HostFactory, tmp_path: Path, image: str, silent_s: int
) -> None:
    host = fresh_host(f"{image}-ready")
    hosted(host)
    patient = hardened(host, tmp_path)

    forget_at_the_gateway(host)
    time.sleep(silent_s)

    assert patient.logs_in(), "the gateway asked for the host's address, and nobody answered"
    assert host.run(f"sysctl -n {ARP_IGNORE}").stdout == "1\n"
    plan = planned(patient)
    assert plan["changes"] == []
    assert f"{MACHINE_ADDRESS} on eth0" in " ".join(plan["notes"])


def test_value_follows_the_host_s_networks_and_verify_sees_it(
    fresh_host: HostFactory, tmp_path: Path
) -> None:
    """Verify takes 1 for right where the gateway is outside, and nowhere else; 2 the same way."""
    host = fresh_host(practice.READY)
    patient = hardened(host, tmp_path)
    assert host.run(f"sysctl -n {ARP_IGNORE}; grep {ARP_IGNORE} {BOOTS}").stdout == (
        f"2\n{ARP_IGNORE} = 2\n"
    )
    assert red(patient) == []

    hosted(host)
    assert red(patient) == [f"{ARP_IGNORE} 2 (not 1)"] * 2
    changes = {change["label"]: change["diff"] for change in planned(patient)["changes"]}
    assert changes.keys() == {f"Set {ARP_IGNORE}", f"Write {BOOTS}"}
    assert changes[f"Set {ARP_IGNORE}"] == ["- 2", "+ 1"]

    done = practice.rempart("apply", patient.inventory, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert red(patient) == []

    host.run(f"ip address add {host.address}/24 dev eth0")
    assert red(patient) == [f"{ARP_IGNORE} 1 (not 2)"] * 2


def test_proof_rests_on_nothing_that_the_host_knew(fresh_host: HostFactory, tmp_path: Path) -> None:
    """Every neighbour is asked for anew before the new login; what is set for good stays."""
    host = fresh_host(practice.READY)
    mac = LAB.hardware_address(1)
    known = {"10.77.0.98": "stale", "10.77.0.99": "permanent", "fd77::98": "stale"}
    for address, state in known.items():
        host.run(f"ip neighbour replace {address} lladdr {mac} dev eth0 nud {state}")

    hardened(host, tmp_path)

    left = host.run("ip neighbour show dev eth0").stdout
    assert "10.77.0.99 lladdr" in left
    assert "98 lladdr" not in left


LINKED = """
set -eu
unshare -n sleep 100 & other=$!
trap "kill $other" EXIT
while [ "$(readlink /proc/$other/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
gateway() { nsenter -t $other -n "$@"; }
ip link set lo up; ip link add e type veth peer name f netns $other
ip link set e up; gateway ip link set f up
"""
ASKED = """
for own in $(ip -o -4 address show dev e | awk '{ sub("/.*", "", $4); print $4 }'); do
  gateway ip route replace $own dev f src $ASKER
  gateway ping -q -c 1 -W 1 $own >/dev/null || :
  gateway ip neighbour show $own dev f | grep -q lladdr || echo lost
done
"""


NETWORKS = {
    "a local network": ("10.0.0.5/24", "default via 10.0.0.1", "10.0.0.1"),
    "an address alone": ("10.0.0.5/32", "10.0.0.1; default via 10.0.0.1", "10.0.0.1"),
    "a gateway elsewhere": ("10.0.0.5/24", "default via 172.31.1.1 onlink", "172.31.1.1"),
    "a second address alone": ("10.0.0.5/24 192.0.2.9/32", "default via 10.0.0.1", "10.0.0.1"),
    "a second one beside it": ("10.0.0.5/24 10.0.0.9/32", "default via 10.0.0.1", "10.0.0.1"),
    "a peer": ("10.0.0.5 peer 10.0.0.1/32", "default via 10.0.0.1", "10.0.0.1"),
    "a whole link": ("10.0.0.5/32", "10.0.0.0/24", "10.0.0.77"),
    "another table": ("10.0.0.5/24", "10.1.0.0/16 via 10.2.0.1 onlink table 7", "10.2.0.1"),
    "two gateways": (
        "10.0.0.5/24",
        "default nexthop via 10.0.0.1 dev e nexthop via 10.3.0.1 dev e onlink",
        "10.3.0.1",
    ),
    "link-local beside": ("10.0.0.5/24", "169.254.0.0/16", "10.0.0.1"),
    "link-local alone": ("169.254.7.7/16", "default via 169.254.1.1", "169.254.1.1"),
}
"""The host's addresses, its routes, and a neighbour that asks for each of the addresses."""


@pytest.mark.parametrize(("addresses", "routes", "asker"), NETWORKS.values(), ids=NETWORKS)
def test_probe_and_verify_know_whom_the_kernel_does_not_answer(
    bystander: Host, addresses: str, routes: str, asker: str
) -> None:
    """The kernel itself is the judge: with 2, does the neighbour get its answer?"""
    words = [addresses] if "peer" in addresses else addresses.split()
    setup = "".join(f"ip address add {each} dev e\n" for each in words)
    for route in routes.split("; "):
        setup += f"ip route add {route}{'' if 'dev e' in route else ' dev e'}\n"
    said = bystander.run(
        "unshare -n sh -s",
        input=f"{LINKED}{setup}gateway ip address add {asker}/32 dev f; ASKER={asker}\n"
        f"{shell('probe')}\nprobe_strangers; echo ---; {neighbours.COMMAND}; echo ---\n"
        f"echo 2 > /proc/sys/net/ipv4/conf/all/arp_ignore\n{ASKED}",
    ).stdout
    probed, told, kernel = said.split("---\n")

    lost = "lost" in kernel
    assert (probed != "") == lost, probed
    assert bool(neighbours.strangers(told)) == lost


@pytest.fixture(scope="module")
def bystander(module_host: HostFactory) -> Host:
    return module_host(practice.READY)
