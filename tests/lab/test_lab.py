"""The lab itself: hosts are stock, apart from each other, and leave nothing behind."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import paramiko
import pytest

from lab import secret
from lab.errors import LabError
from lab.host import Host
from lab.session import Session
from lab.topology import NAMED, find

HostFactory = Callable[..., Host]
REPOSITORY = Path(__file__).parents[2]


def lab_command(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lab", *arguments]
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        command, capture_output=True, text=True, check=False, cwd=REPOSITORY, **options
    )


def log_in(host: Host, login: str, password: str, address: str = "") -> str:
    """Log in with the password as any client would, the host key pinned; return what `id` says."""
    with paramiko.SSHClient() as client:
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        for line in host.host_key_lines:
            names, kind, key = line.split()
            for name in names.split(","):
                entry = paramiko.hostkeys.HostKeyEntry.from_line(f"{name} {kind} {key}")
                assert entry is not None
                assert entry.key is not None
                client.get_host_keys().add(name, kind, entry.key)
        client.connect(
            address or host.address,
            username=login,
            password=password,
            look_for_keys=False,
            allow_agent=False,
            timeout=10,
        )
        return client.exec_command("id -un")[1].read().decode().strip()


@pytest.fixture(scope="module", params=["debian-12", "debian-13"])
def stock(request: pytest.FixtureRequest, module_host: HostFactory) -> Host:
    return module_host(request.param)


def test_stock_host_has_finished_booting_with_no_failed_unit(stock: Host) -> None:
    state = stock.run("systemctl is-system-running --wait; systemctl --failed --no-legend")
    assert state.stdout == "running\n"


@pytest.mark.parametrize("login", ["admin", "root"])
def test_stock_host_lets_passwords_in(stock: Host, login: str) -> None:
    password = stock.admin_password if login == "admin" else stock.root_password
    assert log_in(stock, login, password) == login


def test_stock_host_answers_on_its_second_address_family(stock: Host) -> None:
    assert log_in(stock, "admin", stock.admin_password, stock.address6) == "admin"


def test_stock_host_asks_admin_for_a_password_before_sudo(stock: Host) -> None:
    assert stock.run("runuser -u admin -- sudo -n true", check=False).returncode == 1
    allowed = stock.run("runuser -u admin -- sudo -S id -u", input=f"{stock.admin_password}\n")
    assert allowed.stdout == "0\n"


def test_stock_host_has_no_firewall_and_no_automatic_updates(stock: Host) -> None:
    packages = stock.run("dpkg-query -W -f '${Package}\\n'").stdout.split()
    assert {"nftables", "unattended-upgrades"}.isdisjoint(packages)
    assert {"openssh-server", "inetutils-telnet", "sudo"} <= set(packages)


def test_image_has_no_trace_of_its_builder(stock: Host) -> None:
    assert stock.run("ls /etc/apt/apt.conf.d").stdout.split() == [
        "01autoremove",
        "70debconf",
        "95proxy",
    ]
    builder = Path("/etc/hostname").read_text().strip()
    assert builder not in stock.run("cat /etc/hostname /etc/hosts").stdout.split()


def test_apt_simulates_at_once_and_installs_through_the_cache(fresh_host: HostFactory) -> None:
    host = fresh_host("debian-12")
    assert "Inst nftables" in host.run("apt-get -s install nftables").stdout
    host.run("apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y nftables")
    host.run("nft list ruleset")


def test_run_passes_input_output_and_exit_code(fresh_host: HostFactory) -> None:
    host = fresh_host()
    done = host.run("cat; echo oops >&2; exit 7", check=False, input="été\n")
    assert (done.stdout, done.stderr, done.returncode) == ("été\n", "oops\n", 7)
    with pytest.raises(LabError, match=r"exit 7: oops"):
        host.run("echo oops >&2; exit 7")


def test_exec_works_without_sshd_and_passes_stdin(fresh_host: HostFactory) -> None:
    host = fresh_host()
    host.run("systemctl stop ssh")
    done = lab_command("exec", host.name, "--", "sh", "-c", "cat; id -u; exit 5", input="in\n")
    assert (done.stdout, done.returncode) == ("in\n0\n", 5)


def test_commands_inside_see_nothing_of_the_callers_environment(
    fresh_host: HostFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTSIDE", "visible")
    assert "OUTSIDE" not in fresh_host().run("env").stdout


def test_fresh_host_is_ready_within_seconds(lab: Session, fresh_host: HostFactory) -> None:
    fresh_host().remove()  # the slot's host keys are made once
    start = time.monotonic()
    fresh_host()
    assert time.monotonic() - start < 5


def test_reset_forgets_the_disk_and_keeps_keys_and_passwords(fresh_host: HostFactory) -> None:
    host = fresh_host()
    before = (host.host_key_lines, host.root_password)
    host.run("touch /root/mark; rm /etc/ssh/sshd_config; passwd -d root")
    host.reset()
    assert host.run("test -e /root/mark", check=False).returncode == 1
    assert (host.host_key_lines, host.root_password) == before
    assert log_in(host, "root", host.root_password) == "root"


def test_power_cut_keeps_the_disk(fresh_host: HostFactory) -> None:
    host = fresh_host()
    host.run("touch /root/mark; sleep 1000 >/dev/null 2>&1 &")
    host.kill()
    assert host.pid is None
    with pytest.raises(LabError, match="is off; boot it"):
        host.run("true")
    host.boot()
    assert host.run("ls /root; pgrep sleep", check=False).stdout == "mark\n"


def test_cut_network_leaves_run_working(fresh_host: HostFactory) -> None:
    host = fresh_host()
    reach = ["ssh-keyscan", "-T", "3", host.address]
    host.cut_network()
    assert not subprocess.run(reach, capture_output=True, check=False).stdout
    assert host.run("echo alive").stdout == "alive\n"
    host.restore_network()
    assert subprocess.run(reach, capture_output=True, check=False).stdout


def test_net_sysctls_belong_to_the_host(fresh_host: HostFactory) -> None:
    first, second = fresh_host(), fresh_host()
    key = "net.ipv4.conf.all.accept_redirects"
    other = second.run(f"sysctl -n {key}").stdout
    machine = Path("/proc/sys/net/ipv4/conf/all/accept_redirects").read_text()
    changed = "0" if other == "1\n" else "1"
    first.run(f"sysctl -w {key}={changed}")
    assert first.run(f"sysctl -n {key}").stdout == f"{changed}\n"
    assert second.run(f"sysctl -n {key}").stdout == other
    assert Path("/proc/sys/net/ipv4/conf/all/accept_redirects").read_text() == machine


def test_ready_means_the_right_host_key(fresh_host: HostFactory) -> None:
    host = fresh_host()
    host.run("rm /etc/ssh/ssh_host_*; ssh-keygen -A; systemctl restart ssh")
    assert not host.is_ready()
    with pytest.raises(LabError, match=r"does not answer on .* with its host key"):
        host.wait_until_ready(timeout_s=1)


def test_outsider_reaches_hosts_from_its_own_address(lab: Session, fresh_host: HostFactory) -> None:
    host = fresh_host()
    subprocess.run([*lab.outsider, "ssh-keyscan", host.address], capture_output=True, check=True)
    log = host.run("journalctl -u ssh --no-pager").stdout
    assert "10.77.0.200" in log


@pytest.fixture(scope="module")
def practice(lab: Session) -> dict[str, Host]:
    """The named hosts, which everyone on this machine shares: looked at, never changed."""
    return {host.name: host for host in lab.up(*NAMED)}


def test_inner_network_is_reached_through_the_jump_host_only(
    lab: Session, practice: dict[str, Host]
) -> None:
    scan = "ssh-keyscan -T 2 -t ed25519 192.168.1.10 2>/dev/null"
    key = secret.host_key_lines(find("archives-1"))[0].split()[2]
    assert key in practice["srv-sftp"].run(scan).stdout
    assert key not in practice["accueil-1"].run(scan, check=False).stdout
    # Not even by asking the practice's router to pass it on.
    outsider = ["ip", "-n", lab.outsider[3], "route"]
    subprocess.run([*outsider, "replace", "192.168.1.0/24", "via", "10.77.0.254"], check=True)
    around = [*lab.outsider, *scan.split()[:-1]]
    assert key not in subprocess.run(around, capture_output=True, text=True, check=False).stdout
    subprocess.run([*outsider, "del", "192.168.1.0/24"], check=True)


def test_two_practices_share_an_address(practice: dict[str, Host]) -> None:
    ours, theirs = practice["archives-1"], practice["annexe/archives-1"]
    assert ours.address == theirs.address
    assert ours.host_key_lines != theirs.host_key_lines
    assert ours.run("cat /etc/machine-id").stdout != theirs.run("cat /etc/machine-id").stdout


def test_cabinet_speaks_french_and_its_sudo_asks_in_french(practice: dict[str, Host]) -> None:
    asked = practice["cabinet-1"].run(
        "runuser -u admin -- env LANG=fr_FR.UTF-8 sudo -S -k true", check=False, input="\n"
    )
    assert "Mot de passe" in asked.stderr or "mot de passe" in asked.stderr
    assert practice["cabinet-1"].run("cat /etc/default/locale").stdout == "LANG=fr_FR.UTF-8\n"


@pytest.mark.parametrize("name", ["archives-1", "annexe/archives-1"])
def test_apt_works_on_hosts_behind_the_router(practice: dict[str, Host], name: str) -> None:
    assert "Fetched" in practice[name].run("apt-get update -o APT::Update::Error-Mode=any").stdout


def test_unknown_host_is_refused_in_one_line() -> None:
    done = lab_command("exec", "nowhere", "--", "true")
    assert done.returncode == 1
    assert done.stderr.startswith("lab: host: unknown (got 'nowhere'); choose one of srv-sftp")
    assert done.stderr.count("\n") == 1
