"""What people change by hand on a hardened host shows in the plan, and apply mends it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import practice
import pytest
from cabinet import Cabinet

KEYS = "/etc/ssh/authorized_keys.d"
FIREWALL = "rempart-firewall.service"


@dataclass(frozen=True)
class Edit:
    """One edit by hand: on which host, how, how the plan calls it, and how one sees it is mended.

    `shows` stands in the change's diff; `mended` is sh that succeeds on a host that is as wanted.
    """

    host: str
    by_hand: str
    label: str
    shows: str
    mended: str


EDITS = {
    "a file's bytes": Edit(
        "a", "printf 'APT::Periodic::Enable \"0\";\\n' >> /etc/apt/apt.conf.d/52rempart",
        "Write /etc/apt/apt.conf.d/52rempart", '-APT::Periodic::Enable "0";',
        "apt-config dump APT::Periodic::Enable | grep -q '\"1\"'",
    ),
    "a file's mode": Edit(
        "a", "chmod 666 /etc/sysctl.d/60-rempart.conf",
        "Write /etc/sysctl.d/60-rempart.conf", "- mode 0666, owner root:root",
        "[ $(stat -c %a /etc/sysctl.d/60-rempart.conf) = 644 ]",
    ),
    "a file's owner": Edit(
        "a", f"chown m.durand {KEYS}/m.durand",
        f"Write {KEYS}/m.durand", "- mode 0644, owner m.durand:root",
        f"[ $(stat -c %U {KEYS}/m.durand) = root ]",
    ),
    "a file that is gone": Edit(
        "a", f"rm {KEYS}/t.leroy",
        f"Write {KEYS}/t.leroy", "+ mode 0644, owner root:root",
        f"ssh-keygen -lf {KEYS}/t.leroy",
    ),
    "a link in a file's place": Edit(
        "a", "cp /etc/passwd /root/passwd; ln -sf /etc/passwd /etc/rempart/firewall.nft",
        "Write /etc/rempart/firewall.nft", "- not a regular file",
        "[ ! -L /etc/rempart/firewall.nft ] && cmp /etc/passwd /root/passwd",
    ),
    "a folder in a file's place": Edit(
        "b", "rm /etc/sysctl.d/60-rempart.conf; mkdir -p /etc/sysctl.d/60-rempart.conf/x",
        "Write /etc/sysctl.d/60-rempart.conf", "- not a regular file",
        "[ -f /etc/sysctl.d/60-rempart.conf ]",
    ),
    "a folder's mode": Edit(
        "a", "chmod 777 /etc/rempart",
        "Set up /etc/rempart/", "- mode 0777, owner root:root",
        "[ $(stat -c %a /etc/rempart) = 755 ]",
    ),
    "a stranger's key": Edit(
        "b", f"cp {KEYS}/t.leroy {KEYS}/stranger",
        f"Set up {KEYS}/", f"- {KEYS}/stranger (not named by the policy)",
        f"[ ! -e {KEYS}/stranger ]",
    ),
    "a disabled unit": Edit(
        "a", "systemctl -q disable apt-daily.timer",
        "Enable and start apt-daily.timer", "- disabled",
        "systemctl is-enabled apt-daily.timer",
    ),
    "a stopped unit": Edit(
        "a", "systemctl stop apt-daily-upgrade.timer",
        "Enable and start apt-daily-upgrade.timer", "- inactive",
        "systemctl is-active apt-daily-upgrade.timer",
    ),
    "a masked unit": Edit(
        "b", "systemctl -q mask --now apt-daily.timer",
        "Enable and start apt-daily.timer", "- masked",
        "systemctl is-active apt-daily.timer && systemctl is-enabled apt-daily.timer",
    ),
    "the stopped firewall": Edit(
        "a", f"systemctl stop {FIREWALL}",
        f"Enable and start {FIREWALL}", "- inactive",
        f"systemctl is-active {FIREWALL}",
    ),
    "flushed firewall rules": Edit(
        "b", "nft flush ruleset",
        f"Reload {FIREWALL}", "~ what runs is not what was loaded",
        "nft list chain inet rempart input | grep -q 'policy drop'",
    ),
    "a login that is kept out": Edit(
        "a", "gpasswd -d m.durand rempart-ssh",
        "Set up account m.durand", "+ in group rempart-ssh",
        "id -nG m.durand | grep -qw rempart-ssh",
    ),
    "a login that became administrator": Edit(
        "b", "gpasswd -a m.durand sudo",
        "Set up account m.durand", "- in group sudo",
        "! id -nG m.durand | grep -qw sudo",
    ),
    "a login's shell": Edit(
        "a", "usermod -s /bin/false t.leroy",
        "Set up account t.leroy", "- shell /bin/false",
        "getent passwd t.leroy | grep -q ':/bin/bash$'",
    ),
    "a deleted login": Edit(
        "b", "userdel t.leroy",
        "Set up account t.leroy", "+ account t.leroy (Thomas Leroy), /bin/bash, no password",
        "id t.leroy",
    ),
    "a sysctl": Edit(
        "a", "sysctl -w net.ipv4.conf.all.send_redirects=1",
        "Set net.ipv4.conf.all.send_redirects", "- 1",
        "[ $(sysctl -n net.ipv4.conf.all.send_redirects) = 0 ]",
    ),
    "a setting": Edit(
        "a", "sed -i 's/^HOME_MODE.*/HOME_MODE 0777/' /etc/login.defs; echo HOME_MODE 0755 >> "
        "/etc/login.defs",
        "Set HOME_MODE in /etc/login.defs", "-HOME_MODE 0755",
        "[ \"$(grep -E '^HOME_MODE' /etc/login.defs)\" = 'HOME_MODE 0700' ]",
    ),
    "a removed package": Edit(
        "b", "dpkg --remove unattended-upgrades",
        "Install unattended-upgrades", "+ unattended-upgrades ",
        "dpkg-query -W -f '${db:Status-Status}' unattended-upgrades | grep -qx installed",
    ),
    "an unwanted package": Edit(
        "a", "apt-get -q -y install inetutils-telnet",
        "Remove inetutils-telnet", "- inetutils-telnet ",
        "[ ! -e /usr/bin/inetutils-telnet ]",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Mending:
    """The plan of the edited hosts, and whether each edit was mended by its apply."""

    planned: dict[str, dict[str, list[str]]]
    mended: dict[str, bool]
    left: dict[str, dict[str, list[str]]]


@pytest.fixture(scope="module")
def mending(cabinet: Cabinet) -> Iterator[Mending]:
    """All edits at once, one plan, one apply, one more plan: each costs seconds."""
    for edit in EDITS.values():
        cabinet.hosts[edit.host].run(edit.by_hand)
    planned = practice.planned(cabinet.inventory)
    cabinet.plan()
    apply = cabinet.apply()
    assert apply.returncode == 0, apply.stdout + apply.stderr
    mended = {
        what: cabinet.hosts[edit.host].run(edit.mended, check=False).returncode == 0
        for what, edit in EDITS.items()
    }
    return Mending(planned, mended, practice.planned(cabinet.inventory))


@pytest.mark.parametrize("what", EDITS)
def test_edit_by_hand_shows_in_the_plan(mending: Mending, what: str) -> None:
    edit = EDITS[what]
    diff = mending.planned[f"t/{edit.host}"].get(edit.label, [])
    assert any(line.startswith(edit.shows) for line in diff), mending.planned[f"t/{edit.host}"]


@pytest.mark.parametrize("what", EDITS)
def test_edit_by_hand_is_mended_by_apply(mending: Mending, what: str) -> None:
    assert mending.mended[what]


@pytest.mark.parametrize("host", ["a", "b"])
def test_plan_shows_nothing_but_the_edits(mending: Mending, host: str) -> None:
    edited = {edit.label for edit in EDITS.values() if edit.host == host}
    reloads = {label for label in mending.planned[f"t/{host}"] if label.startswith("Reload ")}
    assert set(mending.planned[f"t/{host}"]) == edited | reloads


def test_hosts_are_as_wanted_after_the_edits_are_mended(mending: Mending) -> None:
    assert mending.left == {"t/a": {}, "t/b": {}}
