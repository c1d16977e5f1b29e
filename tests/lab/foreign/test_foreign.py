"""Set-ups that were there before rempart, with Debian's own packages: refused, told, taken over."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import practice
import pytest

from lab.host import Host

HostFactory = Callable[..., Host]
INSTALL = "DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install"

SET_UP = {
    "ufw": f"""
{INSTALL} ufw iptables >/dev/null
ufw allow 22/tcp; ufw deny 2525/tcp; ufw --force enable
""",
    "firewalld": f"""
{INSTALL} firewalld >/dev/null
firewall-cmd -q --permanent --add-port=2525/tcp; firewall-cmd -q --reload
""",
    "iptables-persistent": f"""
{INSTALL} iptables iptables-persistent >/dev/null
iptables -A INPUT -p tcp --dport 2525 -j DROP; netfilter-persistent save 2>/dev/null
systemctl -q enable netfilter-persistent; systemctl restart netfilter-persistent
""",
}
PEACEFUL = f"""
{INSTALL} restic fail2ban python3-systemd iptables nftables >/dev/null
jails=/etc/fail2ban/jail.d units=/etc/systemd/system
printf '[sshd]\\nenabled = true\\nbackend = systemd\\n' > $jails/defaults-debian.conf
systemctl restart fail2ban
until fail2ban-client status sshd; do sleep 0.5; done
echo '30 3 * * * root restic backup /home' > /etc/cron.d/saved
printf '[Service]\\nExecStart=/usr/bin/borgmatic create\\n' > $units/nightly.service
printf '[Timer]\\nOnCalendar=daily\\n[Install]\\nWantedBy=timers.target\\n' > $units/nightly.timer
systemctl -q enable nightly.timer
iptables -A INPUT -p tcp --dport 2525 -j DROP
echo 'Banner /etc/issue.net' >> /etc/ssh/sshd_config; systemctl reload ssh
"""
IGNORED = r"""
printf '[DEFAULT]\nignoreip = 10.77.0.1/32 fd77::/64\n' > /etc/fail2ban/jail.d/own.conf
fail2ban-client reload >/dev/null
"""
UNITS = {
    "ufw": "ufw.service",
    "firewalld": "firewalld.service",
    "iptables-persistent": "netfilter-persistent.service",
}
STATE = """
systemctl is-active {unit}; systemctl is-enabled {unit}
iptables-save 2>/dev/null | grep -E '^(-A|:INPUT)' | sed 's/ \\[.*//'
firewall-cmd --list-all 2>/dev/null
true
"""


def refusal(inventory: Path) -> str:
    """Return why the one host cannot be planned."""
    (host,) = json.loads(practice.rempart("plan", inventory, "--json").stdout)["hosts"]
    return str(host["error"])


def notes(inventory: Path) -> list[str]:
    (host,) = json.loads(practice.rempart("plan", inventory, "--json").stdout)["hosts"]
    assert not host["error"], host["error"]
    return list(host["notes"])


@pytest.mark.parametrize(
    ("name", "image"),
    [("ufw", "debian-12"), ("firewalld", "debian-13"), ("iptables-persistent", "debian-12")],
)
def test_other_firewall_is_refused_or_taken_over_and_given_back(
    fresh_host: HostFactory, tmp_path: Path, name: str, image: str
) -> None:
    host, state = fresh_host(f"{image}-ready"), STATE.format(unit=UNITS[name])
    host.run(SET_UP[name])
    before = host.run(state).stdout
    assert "2525" in before
    inventory = practice.enrolled(tmp_path, {"a": host})
    refused = practice.rempart("apply", inventory, "--yes")
    assert refused.returncode == 1
    assert f"t/a: {name} is active, and two firewalls would fight" in refused.stderr
    assert f"take_over: [{name}] at hosts[a] in t.yaml" in refused.stderr
    assert host.run(state).stdout == before

    practice.edit(inventory, lambda data: data["hosts"][0].update(take_over=[name]))
    shown = practice.planned(inventory)["t/a"]
    assert "+ disabled" in shown[f"Disable and stop {UNITS[name]}"]
    applied = practice.rempart("apply", inventory, "--yes")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert practice.planned(inventory) == {"t/a": {}}
    assert "2525" not in host.run(state).stdout
    assert host.run(f"systemctl is-active {UNITS[name]}", check=False).stdout == "inactive\n"

    released = practice.rempart("release", inventory, "a", "--yes")
    assert released.returncode == 0, released.stdout + released.stderr
    # It is switched on by its unit now, where `ufw enable` had loaded the rules by itself.
    assert host.run(state).stdout.removeprefix("active\n") == before.partition("active\n")[2]


def test_what_does_not_fight_is_told_and_stays(fresh_host: HostFactory, tmp_path: Path) -> None:
    host = fresh_host(practice.READY)
    host.run(PEACEFUL)
    inventory = practice.enrolled(tmp_path, {"a": host})
    assert refusal(inventory) == (
        "t/a: fail2ban may ban rempart itself in its jail sshd; add 10.77.0.1/32 fd77::1/128 to"
        " ignoreip in a file of /etc/fail2ban/jail.d there"
    )
    host.run(IGNORED)
    told = [
        "fail2ban is at work (jails sshd); it stays",
        "packets must also pass rules that are not ours: ip filter",
        "there are backups that are not ours, which stay: /etc/cron.d/saved, nightly.timer",
        "sshd has lines of its own, which stay: Banner /etc/issue.net",
    ]
    assert notes(inventory) == told
    applied = practice.rempart("apply", inventory, "--yes")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    for note in told:
        assert applied.stdout.count(f"t/a: {note}") == 1
    assert notes(inventory) == told
    assert practice.planned(inventory) == {"t/a": {}}
    assert host.run("grep -c restic /etc/cron.d/saved; sshd -T | grep ^banner").stdout == (
        "1\nbanner /etc/issue.net\n"
    )
    assert "2525" in host.run("iptables-save").stdout
