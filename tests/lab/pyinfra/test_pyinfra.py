"""Plain pyinfra on two stock hosts whose people and roles differ, guard included."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import practice
import pytest

from lab.host import Host
from lab.session import Session

REPOSITORY = Path(__file__).parents[3]
LINE = re.compile(r"\[(t/\w+)\]\s+(Success|No changes|Error.*)$")

SOPHIE = {
    "login": "s.petit",
    "name": "Sophie Petit",
    "role": "assistant",
    "hosts": ["poste"],
}
OLGA = {
    "login": "o.moreau",
    "name": "Olga Moreau",
    "role": "administrator",
    "hosts": ["serveur"],
    "keys": [{"file": str(practice.MARIE["keys"][0]["file"])}],
}
BOTH = ["t/poste", "t/serveur"]


@dataclass
class Fleet:
    """Two hosts: `t/poste`, a Debian 12 workstation, and `t/serveur`, a Debian 13 SFTP server."""

    inventory: Path
    hosts: dict[str, Host]

    def pyinfra(
        self, deploy: str | Path, *options: str, folder: Path = REPOSITORY
    ) -> subprocess.CompletedProcess[str]:
        """Run a deploy as people do, without a terminal."""
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": "/root",
            "REMPART_INVENTORIES": str(self.inventory),
        }
        return practice.run(
            "pyinfra", REPOSITORY / "inventories" / "fleet.py", deploy, *options,
            cwd=folder, env=environment,
        )  # fmt: skip


@pytest.fixture(scope="module")
def fleet(lab: Session, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with ExitStack() as stack:
        hosts = {"poste": lab.fresh_host("debian-12"), "serveur": lab.fresh_host("debian-13")}
        for host in hosts.values():
            stack.callback(host.remove)
        inventory = practice.enrolled(
            tmp_path_factory.mktemp("fleet"),
            hosts,
            roles={"serveur": "sftp_server"},
            people=[SOPHIE, OLGA],
            services=[{"name": "http", "ports": [80], "hosts": ["serveur"], "from": ["fd77::/64"]}],
        )
        yield Fleet(inventory, hosts)


def text(done: subprocess.CompletedProcess[str]) -> str:
    """Return what pyinfra said, without colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)


def names_and_hosts(done: subprocess.CompletedProcess[str]) -> dict[str, list[str]]:
    """Return the table of a dry run: ``{"SSH | Write /etc/x": ["t/poste"], …}`` in its order."""
    table = text(done).partition("Conditional Change")[2].partition("Detected changes may")[0]
    rows = re.findall(r"^ {4}(\S.*?) {2,}(?:\d+ \((.*?)\)|-) ", table, re.MULTILINE)
    return {name: hosts.split(", ") if hosts else [] for name, hosts in rows}


def outcomes(done: subprocess.CompletedProcess[str]) -> dict[str, set[str]]:
    """Return what a run said of each host: ``{"t/poste": {"Success", "No changes"}, …}``."""
    found: dict[str, set[str]] = {}
    for line in text(done).splitlines():
        if match := LINE.search(line):
            found.setdefault(match[1], set()).add(match[2])
    return found


EXPECTED = {
    "Manifest | Claim what rempart will own": BOTH,
    "Packages | Install and remove": BOTH,
    "Browsers | Set up /etc/chromium/": ["t/poste"],
    "Browsers | Set up /etc/chromium/policies/": ["t/poste"],
    "Browsers | Set up /etc/chromium/policies/managed/": ["t/poste"],
    "Browsers | Set up /etc/firefox/": ["t/poste"],
    "Browsers | Set up /etc/firefox/policies/": ["t/poste"],
    "Malware | Set up /etc/rempart-antivirus/": BOTH,
    "Malware | Set up /etc/systemd/system/clamav-daemon.service.d/": BOTH,
    "Malware | Set up /etc/systemd/system/clamav-daemon.socket.d/": BOTH,
    "Malware | Set up /etc/systemd/system/clamav-freshclam.service.d/": BOTH,
    "Malware | Set up /var/lib/rempart-antivirus/": BOTH,
    "Malware | Set up /var/lib/rempart-antivirus/quarantine/": BOTH,
    "Malware | Set up /var/lib/rempart-antivirus/trap/": BOTH,
    "Updates | Write /etc/apt/apt.conf.d/52rempart": BOTH,
    "Browsers | Write /etc/chromium/policies/managed/rempart.json": ["t/poste"],
    "Browsers | Write /etc/firefox/policies/policies.json": ["t/poste"],
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
    "Malware | Enable clamav-daemon.service": BOTH,
    "Malware | Enable clamav-daemon.socket": BOTH,
    "Malware | Enable and start rempart-arrivals.path": BOTH,
    "Malware | Enable and start rempart-downloads.path": BOTH,
    "Malware | Enable and start rempart-scan.timer": BOTH,
    "Malware | Enable and start rempart-signatures.timer": BOTH,
    "Malware | Reload clamav-daemon.service": BOTH,
    "Malware | Reload clamav-daemon.socket": BOTH,
    "Logs | Set up /etc/systemd/journald.conf.d/": BOTH,
    "Audit | Set up /etc/systemd/system/audit-rules.service.d/": BOTH,
    "Audit | Set up /etc/systemd/system/auditd.service.d/": BOTH,
    "Jobs | Write /etc/at.allow": BOTH,
    "Audit | Write /etc/audit/rules.d/40-rempart.rules": BOTH,
    "Jobs | Write /etc/cron.allow": BOTH,
    "Logs | Write /etc/systemd/journald.conf.d/rempart.conf": BOTH,
    "Audit | Write /etc/systemd/system/audit-rules.service.d/10-rempart.conf": BOTH,
    "Audit | Write /etc/systemd/system/auditd.service.d/10-rempart.conf": BOTH,
    "Apparmor | Enable apparmor.service": BOTH,
    "Audit | Enable auditd.service": BOTH,
    "Time | Enable chrony.service": BOTH,
    "Audit | Reload auditd.service": BOTH,
    "Logs | Reload systemd-journald.service": BOTH,
    "Guard | Open": BOTH,
    "Accounts | Set HOME_MODE in /etc/login.defs": ["t/poste"],
    "Accounts | Set up account o.moreau": ["t/serveur"],
    "Accounts | Set up account s.petit": ["t/poste"],
    "Accounts | Set up account t.leroy": BOTH,
    "Passwords | Limit the age of admin's password": BOTH,
    "Passwords | Limit the age of root's password": BOTH,
    "Firewall | Set up /etc/rempart/": BOTH,
    "Accounts | Set up /etc/ssh/authorized_keys.d/": BOTH,
    "Sudo | Set up /etc/sudoers.d/": BOTH,
    "Firewall | Write /etc/rempart/firewall.nft": BOTH,
    "Accounts | Write /etc/ssh/authorized_keys.d/o.moreau": ["t/serveur"],
    "Accounts | Write /etc/ssh/authorized_keys.d/rempart": BOTH,
    "Accounts | Write /etc/ssh/authorized_keys.d/t.leroy": BOTH,
    "SSH | Write /etc/ssh/sshd_config.d/00-rempart.conf": BOTH,
    "Sudo | Write /etc/sudoers.d/zz-rempart": BOTH,
    "Kernel | Write /etc/sysctl.d/60-rempart.conf": BOTH,
    "Firewall | Write /etc/systemd/system/rempart-firewall.service": BOTH,
    "Passwords | Enable PAM profile rempart-faillock": BOTH,
    "Passwords | Enable PAM profile rempart-faillock-notify": BOTH,
    "Passwords | Enable PAM profile rempart-unix": BOTH,
    "Kernel | Set net.ipv4.conf.all.accept_redirects": BOTH,
    "Kernel | Set net.ipv4.conf.all.rp_filter": BOTH,
    "Kernel | Set net.ipv4.conf.all.send_redirects": BOTH,
    "Kernel | Set net.ipv4.conf.default.accept_redirects": BOTH,
    "Kernel | Set net.ipv4.conf.default.accept_source_route": BOTH,
    "Kernel | Set net.ipv4.conf.default.rp_filter": BOTH,
    "Kernel | Set net.ipv4.conf.default.send_redirects": BOTH,
    "Kernel | Set net.ipv6.conf.all.accept_redirects": BOTH,
    "Kernel | Set net.ipv6.conf.default.accept_redirects": BOTH,
    "Kernel | Set net.ipv4.conf.*.accept_redirects": BOTH,
    "Kernel | Set net.ipv4.conf.*.accept_source_route": BOTH,
    "Kernel | Set net.ipv4.conf.*.send_redirects": BOTH,
    "Kernel | Set net.ipv6.conf.*.accept_redirects": BOTH,
    "Firewall | Enable and start rempart-firewall.service": BOTH,
    "SSH | Reload ssh.service": BOTH,
    "Guard | Switch, prove a new login, keep": BOTH,
    "Manifest | Record what rempart owns": BOTH,
}
"""What a stock host needs, in the order of the run; HOME_MODE is Debian 13's own default.

Without the settings of passwords.
"""


def changing(done: subprocess.CompletedProcess[str]) -> dict[str, list[str]]:
    """Return what a dry run would change where, without the settings of passwords."""
    rows = names_and_hosts(done).items()
    return {name: hosts for name, hosts in rows if hosts and "Passwords | Set " not in name}


def test_dry_run_names_every_operation_and_its_hosts_in_order(fleet: Fleet) -> None:
    done = fleet.pyinfra("deploys/site.py", "--dry")
    assert done.returncode == 0, text(done)
    assert list(changing(done).items()) == list(EXPECTED.items())


@pytest.mark.parametrize(
    ("deploy", "host"), [("workstation", "t/poste"), ("sftp_server", "t/serveur")]
)
def test_deploy_of_a_role_touches_hosts_of_that_role_alone(
    fleet: Fleet, deploy: str, host: str
) -> None:
    done = fleet.pyinfra(f"deploys/{deploy}.py", "--dry")
    assert done.returncode == 0, text(done)
    assert changing(done) == {name: [host] for name, hosts in EXPECTED.items() if host in hosts}


def test_dry_run_with_diff_shows_diffs_under_their_labels(fleet: Fleet) -> None:
    """From another folder, as an installed rempart is used."""
    deploy = REPOSITORY / "deploys" / "site.py"
    done = fleet.pyinfra(deploy, "--dry", "--diff", folder=fleet.inventory.parent)
    assert done.returncode == 0, text(done)
    lines = [line.partition("] ")[2].strip() for line in text(done).splitlines()]
    label = lines.index("Write /etc/ssh/sshd_config.d/00-rempart.conf")
    assert "+PasswordAuthentication no" in lines[label : label + 12]


def test_dry_runs_change_nothing(fleet: Fleet) -> None:
    for host in fleet.hosts.values():
        assert host.run("ls -A /var/lib/rempart /etc/rempart", check=False).stdout == ""


def test_risky_change_without_the_guards_operations_fails(fleet: Fleet, tmp_path: Path) -> None:
    deploy = tmp_path / "no_guard.py"
    deploy.write_text(
        "from rempart.engine.deploy import Deploy\n"
        "from rempart.engine.operations import stage_changes\n"
        "run = Deploy()\n"
        "drop_in = {0: 'file:/etc/ssh/sshd_config.d/00-rempart.conf'}\n"
        "stage_changes(run.run, run.guard, drop_in,"
        " name='SSH | Write the drop-in')\n"
    )
    done = fleet.pyinfra(deploy, "-y", "--limit", "t/poste")
    assert done.returncode != 0
    assert "no guard is open for this change" in text(done)
    assert "Traceback" not in text(done)
    drop_in = "/etc/ssh/sshd_config.d/00-rempart.conf"
    assert fleet.hosts["poste"].run(f"test -e {drop_in}", check=False).returncode != 0


@pytest.fixture(scope="module")
def runs(fleet: Fleet) -> list[subprocess.CompletedProcess[str]]:
    """The same deploy twice."""
    return [fleet.pyinfra("deploys/site.py", "-y") for _ in range(2)]


def test_first_run_makes_the_changes(
    fleet: Fleet, runs: list[subprocess.CompletedProcess[str]]
) -> None:
    assert runs[0].returncode == 0, text(runs[0])
    assert outcomes(runs[0]) == {name: {"Success", "No changes"} for name in BOTH}
    for host in fleet.hosts.values():
        assert "passwordauthentication no" in host.run("sshd -T").stdout.splitlines()
        assert "policy drop" in host.run("nft list chain inet rempart input").stdout
        assert host.run("ls /var/lib/rempart/guard/armed", check=False).returncode != 0


def test_second_run_says_no_changes_everywhere(
    runs: list[subprocess.CompletedProcess[str]],
) -> None:
    assert runs[1].returncode == 0, text(runs[1])
    assert outcomes(runs[1]) == {name: {"No changes"} for name in BOTH}


def test_rempart_plan_agrees_that_nothing_is_left(
    fleet: Fleet, runs: list[subprocess.CompletedProcess[str]]
) -> None:
    assert practice.planned(fleet.inventory) == {"t/poste": {}, "t/serveur": {}}


@pytest.mark.usefixtures("runs")
def test_host_that_is_off_fails_the_run_and_the_other_goes_on(fleet: Fleet) -> None:
    fleet.hosts["poste"].run("echo '// by hand' >> /etc/apt/apt.conf.d/52rempart")
    fleet.hosts["serveur"].cut_network()
    try:
        done = fleet.pyinfra("deploys/site.py", "-y")
    finally:
        fleet.hosts["serveur"].restore_network()
    assert done.returncode != 0
    assert "Traceback" not in text(done)
    assert "No changes" in outcomes(done)["t/poste"]
    assert "t/serveur" not in outcomes(done)
    assert "by hand" not in fleet.hosts["poste"].run("cat /etc/apt/apt.conf.d/52rempart").stdout


@pytest.mark.usefixtures("runs")
def test_host_that_is_not_what_the_inventory_says_is_dropped_alone(fleet: Fleet) -> None:
    before = fleet.inventory.read_text()
    practice.edit(fleet.inventory, lambda data: data["hosts"][1]["traits"].update(release="12"))
    try:
        done = fleet.pyinfra("deploys/site.py", "-y")
    finally:
        fleet.inventory.write_text(before)
    assert done.returncode != 0
    assert "hosts[serveur].traits.release: is '12', the host says otherwise" in text(done)
    assert "Traceback" not in text(done)
    assert outcomes(done) == {"t/poste": {"No changes"}}
