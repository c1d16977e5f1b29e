"""Network settings hold on each interface, now, at boots and later; others keep theirs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import practice
import pytest
from breaks import findings
from patient import WINDOW_S, Patient, enrolled, wait_until

from lab.host import Host
from rempart.engine.guard import GRACE_S

HostFactory = Callable[..., Host]

# A second card, one with a dot in its name, a VPN, and bridges as libvirt and Docker make them.
# Debian 13's installer brings linux-sysctl-defaults, whose pattern a boot and udev apply.
NETWORKS = """
case $(cat /etc/debian_version) in 13*)
  DEBIAN_FRONTEND=noninteractive apt-get -qq -y install linux-sysctl-defaults >/dev/null 2>&1
  grep -qx 'net.ipv4.conf.[*].rp_filter = 2' /usr/lib/sysctl.d/50-default.conf ;;
esac
/usr/lib/systemd/systemd-sysctl || :
ip link add x0 type veth peer name x1 && ip address add 10.99.0.1/24 dev x0
ip link set x0 up && ip link set x1 up
ip link add link eth0 name m.1 type macvlan
ip tuntap add dev tun0 mode tun && ip address add 10.98.0.1/24 dev tun0
ip link add virbr0 type bridge && ip link add docker0 type bridge
ip link add veth1234 type veth peer name c0 && ip link set veth1234 master docker0
cd /proc/sys/net/ipv4/conf
for each in tun0 virbr0 docker0 veth1234; do
  echo 2 > $each/rp_filter; echo 1 > $each/forwarding
done
echo 1 > docker0/route_localnet
"""
ALL_VALUES = "grep -sH . /proc/sys/net/ipv[46]/conf/*/* | sort"
UDEV = "for v in 4 6; do /usr/lib/systemd/systemd-sysctl --prefix=/net/ipv$v/conf/{}; done"
"""What 99-systemd.rules runs for a new interface; udev is not in a container."""

IN_USE = ("eth0", "x0", "m.1")
OTHERS = {"tun0": "a tunnel", "virbr0": "libvirt", "docker0": "Docker", "veth1234": "Docker"}


@dataclass
class Desk:
    """`t/a`, hardened."""

    host: Host
    inventory: Path
    before: list[str]
    notes: str

    def values(self, *names: str, family: int = 4) -> list[str]:
        """Return settings, `eth0/rp_filter`, one after another."""
        paths = " ".join(f"/proc/sys/net/ipv{family}/conf/{name}" for name in names)
        return self.host.run(f"cat {paths}").stdout.split()

    def red(self) -> str:
        """Return what verify has against PR-4 where the network is concerned."""
        done = practice.rempart("verify", self.inventory, "--json", "--control", "PR-4")
        found = findings(json.loads(done.stdout)["hosts"]["t/a"]).get("PR-4", [])
        return "; ".join(each.rpartition("actual ")[2] for each in found if "net.ipv" in each)


@pytest.fixture(scope="module", params=["debian-12", "debian-13"])
def desk(
    request: pytest.FixtureRequest,
    module_host: HostFactory,
    tmp_path_factory: pytest.TempPathFactory,
) -> Desk:
    host = module_host(f"{request.param}-ready")
    inventory = practice.enrolled(tmp_path_factory.mktemp("interfaces"), {"a": host})
    practice.edit(inventory, lambda data: data.update(baseline="enhanced"))
    host.run(NETWORKS)
    before = host.run(ALL_VALUES).stdout.splitlines()
    plan = json.loads(practice.rempart("plan", inventory, "--json").stdout)
    applied = practice.rempart("apply", inventory, "--yes")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    return Desk(host, inventory, before, "\n".join(plan["hosts"][0]["notes"]))


def test_settings_hold_on_each_interface(desk: Desk) -> None:
    off = ("accept_redirects", "send_redirects", "secure_redirects", "shared_media")
    for each in IN_USE:
        assert desk.values(*(f"{each}/{name}" for name in off)) == ["0"] * 4, each
        # The larger of the two counts.
        assert max(desk.values("all/rp_filter", f"{each}/rp_filter")) == "1", each
        assert desk.values(f"{each}/accept_redirects", family=6) == ["0"], each
    assert desk.red() == ""
    assert practice.planned(desk.inventory) == {"t/a": {}}


def test_interfaces_of_others_keep_what_their_owner_set(desk: Desk) -> None:
    for each, owner in OTHERS.items():
        assert desk.values(f"{each}/rp_filter", f"{each}/forwarding") == ["2", "1"], each
        assert f"{each} is an interface of others ({owner}" in desk.notes
    assert desk.values("docker0/route_localnet") == ["1"]
    assert not any(f"{each} is an" in desk.notes for each in IN_USE)


def test_interface_that_comes_later_begins_right(desk: Desk) -> None:
    desk.host.run("ip link add later type veth peer name later1 && ip link del m.1")
    desk.host.run("ip address add 10.97.0.1/24 dev later && ip link set later up")
    for each in ("later", "later1"):
        desk.host.run(UDEV.format(each))
    assert practice.planned(desk.inventory) == {"t/a": {}}
    assert desk.red() == ""
    desk.host.run(
        "ip tuntap add dev tun7 mode tun; echo 2 > /proc/sys/net/ipv4/conf/tun7/rp_filter"
    )
    desk.host.run(UDEV.format("tun7"))
    assert desk.values("tun7/rp_filter") == ["2"], "udev came after the VPN"
    desk.host.run("ip link del tun7; ip link del later")
    assert practice.planned(desk.inventory) == {"t/a": {}}


def test_boot_changes_nothing(desk: Desk) -> None:
    desk.host.run("/usr/lib/systemd/systemd-sysctl || :")
    assert practice.planned(desk.inventory) == {"t/a": {}}
    assert desk.red() == ""
    assert desk.values("tun0/rp_filter", "docker0/route_localnet") == ["2", "1"]


def test_what_procps_makes_of_debian_s_pattern_is_mended(desk: Desk) -> None:
    """`sysctl --system` does not know that a pattern can be taken out; boots do not use it."""
    desk.host.run("sysctl --system >/dev/null 2>&1 || :")
    (changes,) = practice.planned(desk.inventory).values()
    assert changes.keys() <= {"Set net.ipv4.conf.*.rp_filter"}
    done = practice.rempart("apply", desk.inventory, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert desk.red() == ""
    assert desk.values("tun0/rp_filter", "docker0/route_localnet") == ["2", "1"]


BROKEN = {
    "ipv4.conf.x0.send_redirects": ("1", "0"),
    "ipv4.conf.x0.rp_filter": ("2", "1"),
    "ipv4.conf.eth0.route_localnet": ("1", "0"),
    "ipv6.conf.x0.accept_redirects": ("1", "0"),
    "ipv4.conf.docker0.secure_redirects": ("1", "0"),
}
"""What one interface has otherwise, and the value that the kernel makes of it and of `all`."""


def test_one_interface_is_enough_to_be_red_and_is_mended(desk: Desk) -> None:
    for name, (value, _) in BROKEN.items():
        desk.host.run(f"echo {value} > /proc/sys/net/{name.replace('.', '/')}")
    red = desk.red()
    plan = practice.planned(desk.inventory)
    done = practice.rempart("apply", desk.inventory, "--yes")

    for name, (value, right) in BROKEN.items():
        assert f"net.{name} {value} (not {right})" in red
    assert red.count("(not") == len(BROKEN)
    labels = {}
    for name, (value, right) in BROKEN.items():
        family, _, interface, setting = name.split(".")
        labels[f"Set net.{family}.conf.*.{setting}"] = [f"- {interface} {value}", f"+ {right}"]
    assert plan == {"t/a": labels}
    assert done.returncode == 0, done.stdout + done.stderr
    assert practice.planned(desk.inventory) == {"t/a": {}}


def test_later_file_of_sysctl_d_is_red_for_the_next_boot(desk: Desk) -> None:
    lines = "net.ipv4.conf.*.send_redirects = 1\nnet.ipv4.conf.eth0.rp_filter=2\n"
    desk.host.run("cat > /etc/sysctl.d/99-zz-evil.conf", input=lines)
    red = desk.red()
    desk.host.run("rm /etc/sysctl.d/99-zz-evil.conf")
    assert "net.ipv4.conf.eth0.send_redirects 1 (not 0)" in red
    assert "net.ipv4.conf.eth0.rp_filter 2 (not 1)" in red
    assert "tun0.rp_filter" not in red


def test_release_brings_back_what_each_interface_had(desk: Desk) -> None:
    done = practice.rempart("release", desk.inventory, "a", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    after = set(desk.host.run(ALL_VALUES).stdout.splitlines())
    there = [line for line in desk.before if "/m.1/" not in line]
    assert [line for line in there if line not in after] == []


def test_revert_brings_back_what_each_interface_had(
    fresh_host: HostFactory, tmp_path: Path
) -> None:
    """One goes away meanwhile, which is no trouble."""
    host = fresh_host(practice.READY)
    host.run(NETWORKS)
    patient: Patient = enrolled(host, tmp_path)
    practice.edit(patient.inventory, lambda data: data.update(baseline="intermediary"))
    before = host.run(ALL_VALUES).stdout.splitlines()
    run = patient.apply("proof_never_ends")
    wait_until(lambda: patient.has("switched"), 240, run)
    assert host.run("cat /proc/sys/net/ipv4/conf/eth0/send_redirects").stdout == "0\n"

    host.run("ip link del m.1")
    wait_until(patient.is_back, WINDOW_S + GRACE_S)
    patient.discharge()

    after = set(host.run(ALL_VALUES).stdout.splitlines())
    there = [line for line in before if "/m.1/" not in line]
    assert [line for line in there if line not in after] == []
