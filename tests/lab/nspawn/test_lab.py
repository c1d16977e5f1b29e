"""The lab itself: hosts are stock, apart from each other, and leave nothing behind."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import paramiko
import pytest

from lab import cgroup, image, place, secret
from lab.errors import DroppedError, LabError
from lab.host import Host
from lab.requirements import PROGRAMS, program
from lab.session import Session
from lab.topology import NAMED, find

HostFactory = Callable[..., Host]
REPOSITORY = Path(__file__).parents[3]


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


def test_stock_host_forwards_nothing_whatever_its_machine_does(stock: Host) -> None:
    """It was seen: a host came back as a router, for libvirt had been started meanwhile."""
    assert stock.run("sysctl -n net.ipv4.ip_forward").stdout == "0\n"


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


def test_reset_forgets_the_disk_and_keeps_keys_and_passwords(fresh_host: HostFactory) -> None:
    host = fresh_host()
    before = (host.host_key_lines, host.root_password)
    host.run("touch /root/mark; rm /etc/ssh/sshd_config; passwd -d root")
    host.reset()
    assert host.run("test -e /root/mark", check=False).returncode == 1
    assert (host.host_key_lines, host.root_password) == before
    assert log_in(host, "root", host.root_password) == "root"


def test_roll_back_forgets_what_came_after_the_snapshot(fresh_host: HostFactory) -> None:
    host = fresh_host()
    host.run("echo before > /root/mark")
    host.snapshot()
    for _ in range(2):
        assert host.run("cat /root/mark; ls /root").stdout == "before\nmark\n"
        host.run("echo after > /root/mark; rm /etc/ssh/sshd_config; touch /root/new")
        host.roll_back()
    assert host.run("cat /root/mark; ls /root").stdout == "before\nmark\n"
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


@pytest.mark.parametrize("how", ["reset", "reboot", "systemctl reboot"])
def test_no_firewall_rule_outlives_a_boot(fresh_host: HostFactory, how: str) -> None:
    """A host's network namespace is its kernel's state: a rule that stays would prove nothing."""
    host = fresh_host()
    inside = [program("nsenter"), f"--net=/run/netns/{host.spec.namespace}", "nft"]
    subprocess.run([*inside, "add", "table", "inet", "stays"], check=True)
    first = host.pid
    if how == "systemctl reboot":
        host.run(how, check=False)
        deadline = time.monotonic() + 30
        while not (host.pid not in (None, first) and host.is_ready()):
            assert time.monotonic() < deadline
            time.sleep(0.2)
    else:
        getattr(host, how)()
    listed = subprocess.run([*inside, "list", "tables"], check=True, capture_output=True)
    assert listed.stdout == b""


def test_cut_network_leaves_run_working(fresh_host: HostFactory) -> None:
    host = fresh_host()
    reach = [program("ssh-keyscan"), "-T", "3", host.address]
    host.cut_network()
    assert not subprocess.run(reach, capture_output=True, check=False).stdout
    assert host.run("echo alive").stdout == "alive\n"
    host.restore_network()
    host.wait_until_ready()


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


def test_fingerprint_is_what_the_host_shows(stock: Host) -> None:
    scan = f"ssh-keyscan -t ed25519 {stock.address} 2>/dev/null | ssh-keygen -lf -"
    shown = subprocess.run(scan, shell=True, capture_output=True, text=True, check=True).stdout
    assert lab_command("fingerprint", stock.name).stdout.strip() == shown.split()[1]


def test_reboot_inside_and_out_keeps_the_disk(fresh_host: HostFactory) -> None:
    host = fresh_host()
    host.run("touch /root/mark")
    # the kernel's boot id is the machine's own; PID 1 starts anew
    boot = "systemctl show -P UserspaceTimestampMonotonic"
    first = host.run(boot).stdout
    host.reboot()
    second = host.run(boot).stdout
    host.run("systemctl reboot", check=False)
    deadline = time.monotonic() + 30
    while not (host.pid and host.is_ready() and host.run(boot, check=False).stdout != second):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert len({first, second, host.run(boot).stdout}) == 3
    assert host.run("ls /root").stdout == "mark\n"


def test_ssh_command_logs_in_with_a_key_that_is_accepted(fresh_host: HostFactory) -> None:
    host = fresh_host()
    public = (place.KEYS / "automation.pub").read_text()
    host.run("useradd -m rempart && install -d -o rempart -m 700 ~rempart/.ssh")
    host.run("cat > ~rempart/.ssh/authorized_keys", input=public)
    done = lab_command("ssh", host.name, "--", "id -un; exit 3")
    assert (done.stdout, done.returncode) == ("rempart\n", 3)


def test_secrets_are_for_root_alone(stock: Host) -> None:
    assert stock.root_password
    secrets = [place.PASSWORDS, *(place.KEYS / person for person in secret.PEOPLE)]
    assert {oct(file.stat().st_mode & 0o777) for file in secrets} == {"0o600"}
    assert oct(place.STATE.stat().st_mode & 0o777) == "0o700"


def test_twenty_hosts_side_by_side(lab: Session) -> None:
    hosts = lab.fresh_hosts(20)
    try:
        assert len({host.address for host in hosts}) == 20
        names = [log_in(host, "admin", host.admin_password) for host in hosts]
        assert names == ["admin"] * 20
    finally:
        for host in hosts:
            host.remove()


def test_killed_session_leaves_no_host(lab: Session) -> None:
    program = (
        "import sys, time; from lab.session import Session\n"
        "with Session() as lab: print(lab.fresh_host().name, flush=True); time.sleep(600)"
    )
    session = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    )
    assert session.stdout
    name = session.stdout.readline().strip()
    traces = [place.HOSTS / name, Path("/run/netns") / f"rempart-lab-{name}", cgroup.root() / name]
    assert all(trace.exists() for trace in traces)
    session.kill()
    session.wait()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and any(trace.exists() for trace in traces):
        time.sleep(0.1)
    assert [trace for trace in traces if trace.exists()] == []


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
    outsider = [program("ip"), "-n", lab.outsider[3], "route"]
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


def test_without_root_says_so_in_one_line() -> None:
    command = [program("unshare"), "--user", sys.executable, "-m", "lab", "up"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)
    said = "lab: this machine: needs root (got uid 65534); run it with sudo\n"
    assert (done.stderr, done.returncode) == (said, 1)


def test_missing_packages_are_named_with_the_command_to_install_them() -> None:
    done = lab_command("up", env={"PATH": "/nowhere"})
    assert done.returncode == 1
    assert done.stderr.endswith(f"; apt-get install {' '.join(sorted(PROGRAMS))}\n")
    assert done.stderr.count("\n") == 1


def test_release_that_the_archive_has_not_got_is_dropped_unless_hosts_are_of_it(
    lab: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = image.Recipe("no-such-release", ("openssh-client",), boots=False)
    monkeypatch.setitem(image.UNPACKED, "gone", gone)
    with pytest.raises(DroppedError, match="archive has dropped no-such-release"):
        image.make("gone")
    monkeypatch.setitem(image.RECIPES, "debian-gone", image.Recipe(gone.suite))
    with pytest.raises(LabError, match="mmdebstrap failed"):
        image.make("gone")
    for trace in place.IMAGES.glob("gone*"):
        trace.unlink() if trace.is_file() else shutil.rmtree(trace)


def test_unknown_host_is_refused_in_one_line() -> None:
    done = lab_command("exec", "nowhere", "--", "true")
    assert done.returncode == 1
    assert done.stderr.startswith("lab: host: unknown (got 'nowhere'); choose one of srv-sftp")
    assert done.stderr.count("\n") == 1


class MachineApart:
    """A machine in the machine: own network, mounts, processes, control groups and lab state.

    `down` takes a whole lab away. Tried here, it does not take the one that others are using.
    """

    # /run and the lab's folders are empty; the images are the real ones; the limit is a file that
    # stands for the kernel's, which the machine in the machine cannot have to itself.
    PREPARE = """
        set -eu
        echo $$ > {group}/cgroup.procs
        exec unshare --net --mount --pid --cgroup --fork --kill-child --mount-proc sh -eu -c '
            ip link set lo up
            # One may go by itself, when its host is removed outside: then its folder is gone.
            umount $(cut -d" " -f2 /proc/mounts | grep -e /rempart-lab -e /run/netns | tac) || true
            umount {hierarchy}
            mount -t cgroup2 cgroup2 {hierarchy}
            mount -t tmpfs tmpfs /run
            mkdir -p /run/systemd/nspawn/locks /run/systemd/nspawn/propagate
            mount -t tmpfs tmpfs /var/lib/rempart-lab
            mkdir -p /var/cache/rempart-lab/apt /var/cache/rempart-lab/apt-cacher-ng
            mount -t tmpfs tmpfs /var/cache/rempart-lab/apt
            mount -t tmpfs tmpfs /var/cache/rempart-lab/apt-cacher-ng
            echo 128 > /run/limit
            mount --bind /run/limit /proc/sys/fs/inotify/max_user_instances
            echo started
            exec sleep infinity'
    """

    def __init__(self) -> None:
        hierarchy = cgroup.root().parent
        self.group = hierarchy / f"rempart-apart-{os.getpid()}"
        self.group.mkdir()
        script = self.PREPARE.format(group=self.group, hierarchy=hierarchy)
        self._first = subprocess.Popen(
            [program("sh"), "-c", script], stdout=subprocess.PIPE, text=True
        )
        assert self._first.stdout
        assert self._first.stdout.readline() == "started\n"
        children = Path(f"/proc/{self._first.pid}/task/{self._first.pid}/children")
        self.pid = int(children.read_text().split()[0])

    def entering(self, *argv: str) -> list[str]:
        join = 'echo $$ > "$0/cgroup.procs" && exec "$@"'
        enter = [program("nsenter"), f"--target={self.pid}", "--all", f"--wdns={REPOSITORY}", "--"]
        return [program("sh"), "-c", join, str(self.group), *enter, *argv]

    def lab(self, *arguments: str) -> list[str]:
        return self.entering(sys.executable, "-m", "lab", *arguments)

    def strike(self, blow: signal.Signals) -> None:
        """Send the signal to the `up` that runs here, and to none of the tools it has started."""
        pick = ["pkill", f"-{blow.value}", "--oldest", "--full", "lab up"]
        subprocess.run(self.entering(*pick), check=True)

    def look(self) -> dict[str, list[str]]:
        """What `down` has to leave as it was."""
        questions = {
            "namespaces": "ip netns list",
            "links": "ip -o link",
            "routes": "ip route; ip -6 route",
            "mounts": "cut -d' ' -f5- /proc/self/mountinfo",
            "rules": "nft list ruleset",
            "settings": "sysctl -a -r '^net[.]|^fs[.]inotify[.]' 2>/dev/null | grep -v _count",
            "processes": 'all=$(ps -eo args --no-headers); echo "$all" | grep -v defunct',
            "groups": f"cd {self.group.parent} && find . -type d",
            "containers": "find /run/systemd /run/netns 2>/dev/null; true",
        }
        # Our own question is among the processes, the same one every time: grep starts after it,
        # for a program that just starts is `[grep]`. What is defunct is left out: the first process
        # has to bury it, and this machine's first is but a `sleep`.
        return {
            name: subprocess.run(
                self.entering("sh", "-c", question), capture_output=True, text=True, check=True
            ).stdout.splitlines()
            for name, question in questions.items()
        }

    def becomes(self, wanted: dict[str, list[str]]) -> bool:
        """Tell whether it looks like that again, once tools whose starter was killed have ended."""
        deadline = time.monotonic() + 10
        while (seen := self.look()) != wanted and time.monotonic() < deadline:
            time.sleep(0.5)
        assert seen == wanted
        return True

    def remove(self) -> None:
        (self.group / "cgroup.kill").write_text("1")
        self._first.wait()
        while "populated 1" in (self.group / "cgroup.events").read_text():  # cgroups(7)
            time.sleep(0.02)
        for folder, _, _ in os.walk(self.group, topdown=False):
            Path(folder).rmdir()


@pytest.fixture
def machine_apart(lab: Session) -> Iterator[MachineApart]:
    for name in ("debian-12", "debian-13"):
        image.make(name)  # the machine in the machine has no way out to build them
    apart = MachineApart()
    yield apart
    apart.remove()


def test_down_leaves_the_machine_as_it_was(machine_apart: MachineApart) -> None:
    before = machine_apart.look()
    subprocess.run(machine_apart.lab("up", *NAMED), check=True, capture_output=True)
    up = machine_apart.look()
    assert all(up[aspect] != before[aspect] for aspect in up if aspect != "rules")
    subprocess.run(machine_apart.lab("down"), check=True)
    assert machine_apart.becomes(before)


def test_down_without_a_lab_is_no_error(machine_apart: MachineApart) -> None:
    before = machine_apart.look()
    subprocess.run(machine_apart.lab("down"), check=True)
    assert machine_apart.becomes(before)


@pytest.mark.parametrize("after_s", [0.3, 1, 2.5])
@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL])
def test_down_cleans_up_after_an_up_cut_short(
    machine_apart: MachineApart, blow: signal.Signals, after_s: float
) -> None:
    before = machine_apart.look()
    starting = subprocess.Popen(machine_apart.lab("up"), stderr=subprocess.PIPE, text=True)
    time.sleep(after_s)
    machine_apart.strike(blow)
    starting.communicate()
    subprocess.run(machine_apart.lab("down"), check=True)
    assert machine_apart.becomes(before)


def test_last_session_takes_the_lab_down(machine_apart: MachineApart) -> None:
    before = machine_apart.look()
    program = "from lab.session import Session\nwith Session() as lab: lab.fresh_host()"
    subprocess.run(machine_apart.entering(sys.executable, "-c", program), check=True)
    assert machine_apart.becomes(before)


def test_session_leaves_a_lab_alone_that_someone_brought_up(machine_apart: MachineApart) -> None:
    subprocess.run(machine_apart.lab("up", "accueil-1"), check=True, stdout=subprocess.PIPE)
    before = machine_apart.look()
    program = "from lab.session import Session\nwith Session() as lab: lab.fresh_host()"
    subprocess.run(machine_apart.entering(sys.executable, "-c", program), check=True)
    status = subprocess.run(machine_apart.lab("status"), capture_output=True, text=True)
    assert status.stdout.split()[-1] == "up"
    assert machine_apart.look()["links"] == before["links"]


def test_networks_in_use_are_refused(machine_apart: MachineApart) -> None:
    for command in ("link add office type bridge", "address add 10.77.3.1/16 dev office"):
        subprocess.run(machine_apart.entering("ip", *command.split()), check=True)
    subprocess.run(machine_apart.entering("ip", "link", "set", "office", "up"), check=True)
    done = subprocess.run(machine_apart.lab("up"), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("lab: network lab: 10.77.0.0/24 is in use on this machine (got")
    assert done.stderr.count("\n") == 1


def test_up_repairs_an_up_cut_short(machine_apart: MachineApart) -> None:
    starting = subprocess.Popen(machine_apart.lab("up"), stdout=subprocess.PIPE, text=True)
    time.sleep(1)
    machine_apart.strike(signal.SIGKILL)
    starting.communicate()
    done = subprocess.run(machine_apart.lab("up"), check=True, stdout=subprocess.PIPE, text=True)
    states = [line.split()[-1] for line in done.stdout.splitlines()]
    assert states == ["up"] * 4
    again = subprocess.run(machine_apart.lab("up"), check=True, capture_output=True, text=True)
    assert again.stdout == done.stdout
