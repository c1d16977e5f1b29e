"""Whole deploys on pyinfra's @fake hosts: which operations, where, in which order; then none."""

from __future__ import annotations

import runpy
from datetime import date
from pathlib import Path
from typing import Any

import pyinfra
import pytest
from answer import answer
from pyinfra.api import Config, Inventory, State
from pyinfra.api.state import StateStage
from pyinfra.context import ctx_host, ctx_state

from rempart.hardening import CONCERNS, desired
from rempart.policy import Traits, load, record_traits
from rempart.shipped import shipped

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"
PROVIDER = f"""\
name: P
management: [10.77.0.1/32]
automation: {{key: k, public_key: {KEY}HSI2gdZ/fnLVhCT19exUwrr2d46WoxFjh6gIy8DxIZ9}}
"""
PRACTICE = f"""\
practice: {{name: t, title: T}}
provider: provider.yaml
people:
  - {{login: s.petit, name: Sophie Petit, role: assistant, hosts: [poste]}}
  - login: o.moreau
    name: Olga Moreau
    role: administrator
    hosts: [serveur]
    keys: [{{key: {KEY}KPI80Mf3HH8SyRfYUu/DAHpojncJETt0vUV4k/uGFXc}}]
hosts:
  - name: poste
    role: workstation
    address: 10.77.0.2
  - name: serveur
    role: sftp_server
    address: 10.77.0.3
"""
TRAITS = Traits(
    os="debian", release="12", codename="bookworm", arch="amd64", virtualisation="none",
    memory="standard", desktop="none", locale="C",
)  # fmt: skip
POSTE, SERVEUR, BOTH = {"poste"}, {"serveur"}, {"poste", "serveur"}


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    (tmp_path / "provider.yaml").write_text(PROVIDER)
    path = tmp_path / "t.yaml"
    path.write_text(PRACTICE)
    for name in ("poste", "serveur"):
        record_traits(path, name, TRAITS)
    return path


def changes(deploy: str, inventory: Path, *, hardened: bool) -> dict[str, set[str]]:
    """Return what a deploy would change: ``{"SSH | Write /etc/x": {"poste"}, …}``, in order."""
    policy = load(inventory)
    hosts = []
    for host in policy.hosts:
        wanted = desired(policy, host, TRAITS, date.today())
        lines = answer(wanted, TRAITS, "10.77.0.1", hardened=hardened)
        data = {
            "rempart_policy": str(inventory), "rempart_host": host.name,
            "fake_responses": {"sh -s": lines}, "fake_delay": 0, "fake_delay_jitter": 0,
        }  # fmt: skip
        hosts.append((f"@fake/{host.name}", data))
    state = prepared(hosts, str(shipped("deploys") / f"{deploy}.py"))
    return {
        ", ".join(state.get_op_meta(op).names): {
            host.data.rempart_host
            for host in state.inventory
            if op in state.ops[host] and state.ops[host][op].operation_meta.will_change
        }
        for op in state.get_op_order()
    }


def prepared(hosts: list[tuple[str, dict[str, Any]]], deploy: str) -> State:
    """Return pyinfra's state when it has read a deploy for all hosts, as its command line does."""
    state = State(Inventory((hosts, {})), Config())
    state.set_stage(StateStage.Prepare)
    state.current_deploy_filename = deploy
    with ctx_state.use(state):
        for host in state.inventory:
            with ctx_host.use(host):
                host.connect(raise_exceptions=True)
                state.activate_host(host)
                runpy.run_path(deploy)
    return state


@pytest.fixture(autouse=True)
def command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pyinfra order operations as its command line does, by the lines of the deploy."""
    monkeypatch.setattr(pyinfra, "is_cli", True)


EXPECTED = {
    "Manifest | Claim what rempart will own": BOTH,
    "Packages | Install and remove": BOTH,
    "Browsers | Set up /etc/chromium/": POSTE,
    "Browsers | Set up /etc/chromium/policies/": POSTE,
    "Browsers | Set up /etc/chromium/policies/managed/": POSTE,
    "Browsers | Set up /etc/firefox/": POSTE,
    "Browsers | Set up /etc/firefox/policies/": POSTE,
    "Malware | Set up /etc/rempart-antivirus/": BOTH,
    "Malware | Set up /etc/systemd/system/clamav-daemon.service.d/": BOTH,
    "Malware | Set up /etc/systemd/system/clamav-daemon.socket.d/": BOTH,
    "Malware | Set up /etc/systemd/system/clamav-freshclam.service.d/": BOTH,
    "Malware | Set up /var/lib/rempart-antivirus/": BOTH,
    "Malware | Set up /var/lib/rempart-antivirus/quarantine/": BOTH,
    "Malware | Set up /var/lib/rempart-antivirus/trap/": BOTH,
    "Updates | Write /etc/apt/apt.conf.d/52rempart": BOTH,
    "Browsers | Write /etc/chromium/policies/managed/rempart.json": POSTE,
    "Browsers | Write /etc/firefox/policies/policies.json": POSTE,
    "Updates | Write /etc/needrestart/conf.d/50-rempart.conf": BOTH,
    "Session | Write /etc/profile.d/rempart-idle.sh": BOTH,
    "Malware | Write /etc/rempart-antivirus/scan.py": BOTH,
    "Malware | Write /etc/systemd/system/clamav-daemon.service.d/rempart.conf": BOTH,
    "Malware | Write /etc/systemd/system/clamav-daemon.socket.d/rempart.conf": BOTH,
    "Malware | Write /etc/systemd/system/clamav-freshclam.service.d/rempart.conf": BOTH,
    "Malware | Write /etc/systemd/system/rempart-arrivals.path": BOTH,
    "Malware | Write /etc/systemd/system/rempart-arrivals.service": BOTH,
    "Malware | Write /etc/systemd/system/rempart-downloads.path": BOTH,
    "Malware | Write /etc/systemd/system/rempart-downloads.service": BOTH,
    "Malware | Write /etc/systemd/system/rempart-scan.service": BOTH,
    "Malware | Write /etc/systemd/system/rempart-scan.timer": BOTH,
    "Malware | Write /etc/systemd/system/rempart-signatures.timer": BOTH,
    "Updates | Enable and start apt-daily-upgrade.timer": BOTH,
    "Updates | Enable and start apt-daily.timer": BOTH,
    "Malware | Enable clamav-daemon.service": BOTH,
    "Malware | Enable clamav-daemon.socket": BOTH,
    "Malware | Enable and start rempart-arrivals.path": BOTH,
    "Malware | Enable and start rempart-downloads.path": BOTH,
    "Malware | Enable and start rempart-scan.timer": BOTH,
    "Malware | Enable and start rempart-signatures.timer": BOTH,
    "Malware | Reload clamav-daemon.service": BOTH,
    "Malware | Reload clamav-daemon.socket": BOTH,
    "Logs | Set up /etc/systemd/journald.conf.d/": BOTH,
    "Logs | Set up /var/log/journal/": BOTH,
    "Jobs | Write /etc/at.allow": BOTH,
    "Audit | Write /etc/audit/rules.d/40-rempart.rules": BOTH,
    "Jobs | Write /etc/cron.allow": BOTH,
    "Logs | Write /etc/systemd/journald.conf.d/rempart.conf": BOTH,
    "Apparmor | Enable apparmor.service": BOTH,
    "Audit | Enable and start auditd.service": BOTH,
    "Time | Enable and start chrony.service": BOTH,
    "Logs | Enable and start logrotate.timer": BOTH,
    "Logs | Reload systemd-journald.service": BOTH,
    "Guard | Open": BOTH,
    "Passwords | Set ENCRYPT_METHOD in /etc/login.defs": BOTH,
    "Accounts | Set HOME_MODE in /etc/login.defs": BOTH,
    "Passwords | Set PASS_MAX_DAYS in /etc/login.defs": BOTH,
    "Passwords | Set PASS_WARN_AGE in /etc/login.defs": BOTH,
    "Accounts | Make group rempart-ssh": BOTH,
    "Accounts | Set up account o.moreau": SERVEUR,
    "Accounts | Set up account rempart": BOTH,
    "Accounts | Set up account s.petit": POSTE,
    "Firewall | Set up /etc/rempart/": BOTH,
    "Accounts | Set up /etc/ssh/authorized_keys.d/": BOTH,
    "Sudo | Set up /etc/sudoers.d/": BOTH,
    "Firewall | Write /etc/rempart/firewall.nft": BOTH,
    "Accounts | Write /etc/ssh/authorized_keys.d/o.moreau": SERVEUR,
    "Accounts | Write /etc/ssh/authorized_keys.d/rempart": BOTH,
    "SSH | Write /etc/ssh/sshd_config.d/00-rempart.conf": BOTH,
    "Sudo | Write /etc/sudoers.d/zz-rempart": BOTH,
    "Kernel | Write /etc/sysctl.d/60-rempart.conf": BOTH,
    "Firewall | Write /etc/systemd/system/rempart-firewall.service": BOTH,
    "Passwords | Enable PAM profile rempart-faillock": BOTH,
    "Passwords | Enable PAM profile rempart-faillock-notify": BOTH,
    "Passwords | Enable PAM profile rempart-unix": BOTH,
    "Firewall | Enable and start rempart-firewall.service": BOTH,
    "SSH | Reload ssh.service": BOTH,
    "Guard | Switch, prove a new login, keep": BOTH,
    "Manifest | Record what rempart owns": BOTH,
}
"""Without the settings of the network, of pam_faillock and of pam_pwquality."""


def without_settings(found: dict[str, set[str]]) -> dict[str, set[str]]:
    many = ("| Set net.", "/etc/security/")
    return {
        name: hosts
        for name, hosts in found.items()
        if hosts and not any(each in name for each in many)
    }


def test_site_changes_everything_on_stock_hosts_in_order(inventory: Path) -> None:
    found = changes("site", inventory, hardened=False)
    assert list(without_settings(found).items()) == list(EXPECTED.items())
    assert sum("Set net." in name for name in found) == 20
    assert sum("/etc/security/" in name for name in found) == 11


@pytest.mark.parametrize("deploy", ["site", "workstation", "sftp_server"])
def test_deploy_names_every_concern(deploy: str) -> None:
    text = (shipped("deploys") / f"{deploy}.py").read_text()
    assert [concern for concern in CONCERNS if f'"{concern}"' not in text] == []


@pytest.mark.parametrize(("deploy", "role"), [("workstation", POSTE), ("sftp_server", SERVEUR)])
def test_deploy_of_a_role_changes_hosts_of_that_role_alone(
    inventory: Path, deploy: str, role: set[str]
) -> None:
    found = changes(deploy, inventory, hardened=False)
    assert without_settings(found) == {
        name: role for name, hosts in EXPECTED.items() if role <= hosts
    }


@pytest.mark.parametrize("deploy", ["site", "workstation", "sftp_server"])
def test_second_run_changes_nothing(inventory: Path, deploy: str) -> None:
    found = changes(deploy, inventory, hardened=True)
    assert len(found) > 20
    assert {name: hosts for name, hosts in found.items() if hosts} == {}
