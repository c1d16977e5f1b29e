"""Printing and scanning as on a stock desktop: rempart leaves alone what finds the devices.

The network printer is a stock host with `ippeveprinter`. A container has no USB: that udev starts
`ipp-usb` is `systemctl start` here, and a printer that the host itself announces, as that driver
does, stands for one on its cable.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import practice
import pytest

from lab.host import Host
from rempart.verify import mdns

HostFactory = Callable[..., Host]

INSTALL = "DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends"
DESKTOP = "cups cups-client cups-browsed ipp-usb avahi-daemon libnss-mdns cups-ipp-utils"
DEVICE = "avahi-daemon cups-ipp-utils"

STATE = """
for unit in avahi-daemon.service avahi-daemon.socket cups-browsed.service; do
    echo $unit $(systemctl is-enabled $unit) $(systemctl is-active $unit)
done
"""
STOCK = """\
avahi-daemon.service enabled active
avahi-daemon.socket enabled active
cups-browsed.service enabled active
"""

SEEN = "ippfind -T 5 -N {0} --print-name"
APPEARS = f"timeout 60 sh -c 'until {SEEN}; do :; done'"
PRINTER = """
mkdir -p /srv/prints /srv/keys
systemd-run -q --unit={0} ippeveprinter -p {1} -d /srv/prints -k -K /srv/keys \
    -c /bin/true -f application/pdf,image/urf {0}
"""

ASK = """
import socket, sys
asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asker.settimeout(3)
asker.sendto(bytes.fromhex(sys.argv[2]), (sys.argv[1], 5353))
asker.recv(512)
"""


@dataclass(frozen=True)
class Desk:
    """`t/a`, a hardened workstation with a queue to a network printer of that name."""

    host: Host
    printer: Host
    inventory: Path
    laser: str

    def apply(self, role: str = "workstation", *services: dict[str, Any]) -> None:
        """Change the host's role and the policy's services, and apply."""

        def change(data: Any) -> None:
            data["hosts"][0]["role"] = role
            data["firewall"]["services"] = list(services)

        practice.edit(self.inventory, change)
        done = practice.rempart("apply", self.inventory, "--yes")
        assert done.returncode == 0, done.stdout + done.stderr

    def red(self) -> set[str]:
        """Return those of the firewall's controls that verify finds red."""
        controls = [word for n in range(1, 6) for word in ("--control", f"FW-{n}")]
        said = json.loads(practice.rempart("verify", self.inventory, "--json", *controls).stdout)
        records = said["hosts"]["t/a"]
        assert {record["control"] for record in records} == {f"FW-{n}" for n in range(1, 6)}
        return {record["control"] for record in records if record["result"] in ("fail", "error")}

    def sees_laser(self) -> bool:
        """Tell whether the desk finds the network printer within five seconds."""
        return self.host.run(SEEN.format(self.laser), check=False).returncode == 0

    def answers(self) -> bool:
        """Tell whether the desk answers another host that asks its port 5353 for its name."""
        asked = f"python3 -c {shlex.quote(ASK)} {self.host.address} "
        asked += mdns.question(self.host.address).hex()
        return self.printer.run(asked, check=False).returncode == 0

    def resolves(self, other: Host) -> bool:
        """Tell whether the desk knows another host's `.local` name."""
        name = f"{other.run('hostname').stdout.strip()}.local"
        found = self.host.run(f"getent ahostsv4 {name}", check=False).stdout
        return other.address in found.split()

    def prints(self, queue: str, page: str) -> bool:
        """Print a page to a queue; return whether the printer got it as a PDF."""
        # cups-browsed's queues may send a quality that does not exist where none is asked for.
        lp = f"lp -d {queue} -o print-quality=4"
        self.host.run(f"echo Ordonnance > /tmp/{page}.txt && {lp} /tmp/{page}.txt")
        arrived = f"/srv/prints/*-{page}_txt.pdf"
        self.printer.run(f"timeout 60 sh -c 'until head -c 1 {arrived} 2>&-; do sleep 0.1; done'")
        return self.printer.run(f"head -c 5 {arrived}").stdout == "%PDF-"


@pytest.fixture(scope="module", params=["debian-12", "debian-13"])
def desk(
    request: pytest.FixtureRequest,
    module_host: HostFactory,
    tmp_path_factory: pytest.TempPathFactory,
) -> Desk:
    host, printer = module_host(f"{request.param}-ready"), module_host(practice.READY)
    laser = f"Laser{printer.spec.number}"  # two of one name would have to rename themselves
    printer.run(f"{INSTALL} {DEVICE} >/dev/null 2>&1 && {PRINTER.format(laser, 8631)}")
    printer.run(APPEARS.format(laser))
    host.run(f"{INSTALL} {DESKTOP} >/dev/null 2>&1")
    assert host.run(STATE).stdout == STOCK
    host.run(f"lpadmin -p etage -E -v ipp://{printer.address}:8631/ipp/print -m everywhere")
    inventory = practice.enrolled(tmp_path_factory.mktemp("printing"), {"a": host})
    practice.edit(inventory, lambda data: data.update(baseline="enhanced"))
    found = Desk(host, printer, inventory, laser)
    assert found.sees_laser()
    assert found.answers()
    found.apply()
    return found


def test_discovery_is_as_it_was(desk: Desk) -> None:
    assert desk.host.run(STATE).stdout == STOCK
    assert practice.planned(desk.inventory) == {"t/a": {}}


@pytest.mark.parametrize(
    "by_hand",
    [
        "systemctl stop cups-browsed avahi-daemon.socket avahi-daemon",
        "systemctl start ipp-usb && systemctl is-active avahi-daemon",
        "systemctl start avahi-daemon cups-browsed",
    ],
    ids=["stopped", "plugged-in", "started"],
)
def test_plan_is_empty_whatever_becomes_of_avahi(desk: Desk, by_hand: str) -> None:
    desk.host.run(by_hand)
    assert practice.planned(desk.inventory) == {"t/a": {}}


def test_queue_to_a_network_printer_prints(desk: Desk) -> None:
    assert desk.prints("etage", "ordonnance")


def test_device_that_the_host_itself_announces_is_found(desk: Desk) -> None:
    usb = f"Usb{desk.host.spec.number}"
    desk.host.run(PRINTER.format(usb, 60000))
    desk.host.run(f"{APPEARS.format(usb)}; found=$?; systemctl stop {usb}; exit $found")


def test_network_is_not_heard_and_not_answered_unless_the_policy_names_mdns(desk: Desk) -> None:
    desk.host.run("systemctl restart avahi-daemon")  # what it heard before is forgotten
    assert not desk.sees_laser()
    assert not desk.resolves(desk.printer)
    assert not desk.answers()
    assert desk.red() == set()


def test_port_that_others_reach_is_red(desk: Desk) -> None:
    try:
        desk.host.run("nft insert rule inet rempart input udp dport 5353 accept")
        assert desk.answers()
        assert desk.red() == {"FW-2", "FW-3", "FW-4"}
    finally:
        desk.host.run("systemctl restart rempart-firewall")


def test_network_is_heard_and_answered_where_the_policy_names_mdns(desk: Desk) -> None:
    desk.apply("workstation", {"name": "mdns", "hosts": ["a"], "from": ["10.77.0.0/24"]})
    # It asked while nobody was heard, and would ask again after twice as long each time.
    desk.host.run("systemctl restart avahi-daemon")
    desk.host.run(APPEARS.format(desk.laser))
    assert desk.resolves(desk.printer)
    assert desk.answers()
    found = f"lpstat -e | grep -qx {desk.laser}"
    desk.host.run(f"timeout 60 sh -c 'until {found}; do sleep 0.5; done'")
    assert desk.prints(desk.laser, "devis")
    assert practice.planned(desk.inventory) == {"t/a": {}}
    assert desk.red() == set()


def test_what_an_earlier_version_switched_off_is_given_back(desk: Desk) -> None:
    desk.apply("sftp_server")  # where both are off still, as they were on workstations
    assert "enabled" not in desk.host.run(STATE).stdout
    assert " active" not in desk.host.run(STATE).stdout
    desk.apply("workstation")
    assert desk.host.run(STATE).stdout == STOCK
    assert practice.planned(desk.inventory) == {"t/a": {}}
