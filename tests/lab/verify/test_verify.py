"""`rempart verify` on real hosts: red before hardening, green after, red again for each break."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any
from xml.etree import ElementTree

import practice
import pytest
import upkeep
from breaks import BREAKS, Break, broken, findings

from lab import secret
from lab.host import Host
from lab.session import Session

CHECKED = {
    *("SS-1", "SS-2", "FW-1", "FW-2", "FW-3", "FW-4", "FW-5", "UP-1", "UP-2", "SF-2"),
    *("AC-1", "AC-2", "AC-3", "AC-4", "AC-5"),
    *("PW-1", "PW-2", "PW-3", "PW-4", "PW-5", "SE-1"),
    *("DR-1", "DR-5", "PR-4", "UP-3", "UP-4", "AV-1", "AV-2", "AV-3", "AV-4"),
}
NOT_THERE = {"AV-2", "PW-3"}
"""These hosts have no desktop and no browser."""


ESCAPES = r"printf '\033[2J\033]0;owned\007\342\200\256tcp'"


@dataclass
class Clinic:
    """`t/a` is the jump host of `t/b`, both Debian 12; `t/c` is a Debian 13 host beside `t/a`."""

    inventory: Path
    hosts: dict[str, Host]
    stock: dict[str, Any]
    """What verify said of the enrolled hosts before anything was hardened."""

    def verify(self, *arguments: object) -> CompletedProcess[str]:
        """Run `rempart verify` on the practice."""
        return practice.rempart("verify", self.inventory, *arguments)

    def red(self, name: str, *controls: str) -> dict[str, list[str]]:
        """Return the red controls of a host with what was expected and seen, by `--json`."""
        options = [word for control in controls for word in ("--control", control)]
        done = self.verify("--json", "--host", name, *options)
        result = json.loads(done.stdout)
        red = findings(result["hosts"][f"t/{name}"])
        assert (done.returncode, result["ok"]) == ((1, False) if red else (0, True)), done.stderr
        return red


@pytest.fixture(scope="module")
def clinic(lab: Session, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    """A practice of three hosts, hardened by `rempart apply`."""
    with ExitStack() as stack:
        a, b = lab.fresh_hosts(2, "debian-12")
        (c,) = lab.fresh_hosts(1, "debian-13")
        hosts = {"a": a, "b": b, "c": c}
        for host in hosts.values():
            stack.callback(host.remove)
        inventory = practice.enrolled(
            tmp_path_factory.mktemp("clinic"),
            hosts,
            jumps={"b": "a"},
            roles={"a": "sftp_server"},
            people=[practice.MARIE | {"scheduled_jobs": True}],
            services=[{"name": "http", "ports": [80], "hosts": ["a"], "from": ["10.77.0.0/24"]}],
        )
        practice.edit(inventory, lambda data: data.update(baseline="enhanced"))
        stock = practice.rempart("verify", inventory, "--json")
        applied = practice.rempart("apply", inventory, "--yes")
        assert applied.returncode == 0, applied.stdout + applied.stderr
        yield Clinic(inventory, hosts, json.loads(stock.stdout))


def test_stock_hosts_are_red(clinic: Clinic) -> None:
    assert clinic.stock["ok"] is False
    for records in clinic.stock["hosts"].values():
        assert {"SS-1", "FW-1", "FW-2", "UP-1", "AC-5", "SF-2"} <= findings(records).keys()
        assert "FW-5" not in findings(records)


def test_hardened_hosts_are_green(clinic: Clinic) -> None:
    done = clinic.verify()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all green" in done.stdout.splitlines()[-1]
    rows = {
        line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()[1:][: len(CHECKED)]
    }
    assert rows == {control: ["n/a" if control in NOT_THERE else "pass"] * 3 for control in CHECKED}
    assert "no check yet: AC-6" in done.stdout


@pytest.mark.parametrize("broken_by", [*BREAKS, *upkeep.BREAKS], ids=lambda each: each.name)
def test_break_is_named_by_its_controls_alone(clinic: Clinic, broken_by: Break) -> None:
    with broken(clinic.hosts["a"], broken_by.do, broken_by.mend):
        red = clinic.red("a", *broken_by.judged)
    assert red.keys() == broken_by.red, red


def test_update_that_waits_for_weeks_is_named(clinic: Clinic) -> None:
    host = clinic.hosts["c"]
    name = small_security_package(host)
    fields = f"Package: {name}\\nVersion: 0~\\nArchitecture: all\\nMaintainer: x <x@example>"
    do = (
        f"mkdir -p /root/t/DEBIAN && printf '{fields}\\nDescription: x\\n' > /root/t/DEBIAN/control"
        " && dpkg-deb -b /root/t /root/t.deb && dpkg -i /root/t.deb"
    )
    age = "touch -d '{}' /var/lib/dpkg/info/unattended-upgrades.list"
    logs = "/var/log/unattended-upgrades/unattended-upgrades.log*"
    with broken(host, f"rm -f {logs}; {do}", f"dpkg -P {name}; rm -r /root/t*"):
        assert clinic.red("c", "UP-2") == {}  # it may wait for some days
        host.run(age.format("8 days ago"))
        (finding,) = clinic.red("c", "UP-2")["UP-2"]
        host.run(age.format("now"))
    assert name in finding


def small_security_package(host: Host) -> str:
    """Return a package with a security update that needs no other package."""
    lists = host.run("cat /var/lib/apt/lists/*security*_Packages").stdout
    sizes = {}
    for paragraph in lists.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line)
        if not fields.keys() & {"Depends", "Pre-Depends", "Conflicts", "Breaks"} and fields:
            sizes[fields["Package"]] = int(fields["Size"])
    return min(sizes, key=lambda name: sizes[name])


def test_changed_host_key_is_named_and_nothing_more_is_asked(clinic: Clinic) -> None:
    host = clinic.hosts["c"]
    key = "/etc/ssh/ssh_host_ed25519_key"
    do = f"mkdir /root/keys && mv {key}* /root/keys && ssh-keygen -qt ed25519 -N '' -f {key}"
    mend = "mv /root/keys/* /etc/ssh/; rmdir /root/keys; systemctl restart ssh"
    with broken(host, f"{do} && systemctl restart ssh", mend):
        red = clinic.red("c")
        shown = clinic.verify("--host", "c")
    assert "HOST KEY CHANGED" in red["SS-2"][0]
    assert red.keys() == CHECKED
    assert secret.fingerprint(host.spec) in shown.stdout
    assert "not reached" in shown.stdout


def test_host_without_sshd_is_red_and_the_others_are_not(clinic: Clinic) -> None:
    with broken(clinic.hosts["c"], "systemctl stop ssh", "systemctl start ssh"):
        done = clinic.verify("--control", "SF-2", "--json")
        table = clinic.verify("--control", "SF-2")
    hosts = json.loads(done.stdout)["hosts"]
    assert (done.returncode, table.returncode) == (1, 1)
    assert findings(hosts["t/c"]).keys() == {"SF-2"}
    assert hosts["t/c"][0]["result"] == "error"
    assert findings(hosts["t/a"]) == findings(hosts["t/b"]) == {}
    assert "t/c: SF-2: not reached: t/c: " in table.stdout


def test_operator_without_sudo_is_named(clinic: Clinic) -> None:
    do, mend = "mv /etc/sudoers.d/rempart /root/kept", "mv /root/kept /etc/sudoers.d/rempart"
    with broken(clinic.hosts["c"], do, mend):
        red = clinic.red("c", "FW-5", "SF-2")
    assert "sudo refused" in red["FW-5"][0]
    assert "a password is required" in red["SF-2"][0]


@pytest.mark.parametrize(
    ("control", "tool", "rubbish"),
    [
        ("FW-3", "/usr/bin/ss", ESCAPES),
        ("FW-1", "/usr/sbin/nft", ESCAPES),
        ("UP-1", "/usr/bin/apt-config", ESCAPES),
        ("FW-3", "/usr/bin/ss", "yes"),
        ("UP-1", "/usr/bin/apt-config", "head -c 3000 /dev/urandom"),
        ("FW-3", "/usr/bin/ss", "true"),
    ],
)
def test_rubbish_from_a_host_is_red_and_harmless(
    clinic: Clinic, control: str, tool: str, rubbish: str
) -> None:
    write = f"printf '#!/bin/sh\\n%s\\n' {shlex.quote(rubbish)} > {tool} && chmod 755 {tool}"
    with broken(clinic.hosts["c"], f"mv {tool} {tool}.kept && {write}", f"mv {tool}.kept {tool}"):
        done = clinic.verify("--host", "c", "--control", control)
    assert done.returncode == 1
    assert f"t/c: {control}: " in done.stdout
    assert "Traceback" not in done.stderr + done.stdout
    assert not set("\x1b\x07\x9b\u202e") & set(done.stdout + done.stderr)
    assert max(map(len, done.stdout.splitlines())) < 1000


def with_exception(clinic: Clinic, expires: str) -> Path:
    """Return a copy of the inventory in which UP-1 is not applied to `t/c`."""
    copy = clinic.inventory.with_name("exception.yaml")
    copy.write_bytes(clinic.inventory.read_bytes())
    entry = {"control": "UP-1", "host": "c", "reason": "test bench", "expires": expires}
    practice.edit(copy, lambda data: data.update(exceptions=[entry]))
    return copy


def test_live_exception_is_shown_and_not_red(clinic: Clinic) -> None:
    inventory = with_exception(clinic, "2099-12-31")
    timer = "apt-daily.timer"
    with broken(
        clinic.hosts["c"], f"systemctl disable --now {timer}", f"systemctl enable --now {timer}"
    ):
        done = practice.rempart("verify", inventory, "--host", "c", "--control", "UP-1")
    assert done.returncode == 0, done.stdout
    assert "t/c: UP-1: exception: test bench until 2099-12-31" in done.stdout


def test_expired_exception_is_red_even_if_all_is_well(clinic: Clinic) -> None:
    inventory = with_exception(clinic, "2020-01-31")
    done = practice.rempart("verify", inventory, "--host", "c", "--control", "UP-1")
    assert done.returncode == 1
    assert "t/c: UP-1: Its exception has not run out" in done.stdout
    assert "test bench, until 2020-01-31" in done.stdout


def test_junit_has_a_suite_per_host(clinic: Clinic, tmp_path: Path) -> None:
    file = tmp_path / "junit.xml"
    with broken(clinic.hosts["c"], "cp /bin/true /usr/bin/telnet", "rm /usr/bin/telnet"):
        clinic.verify("--junit", file, "--control", "SF-2")
    suites = {each.get("name"): each for each in ElementTree.parse(file).getroot()}
    assert {name: each.get("failures") for name, each in suites.items()} == {
        "t/a": "0",
        "t/b": "0",
        "t/c": "1",
    }
    (failure,) = suites["t/c"].iter("failure")
    assert "/usr/bin/telnet" in failure.get("message", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--control", "SS-9"], "--control: is unknown (got 'SS-9'); choose of "),
        (["--control", "BK-3"], "--control: has no check yet (got 'BK-3')"),
        (["--host", "z"], "there is no such host (got 'z')"),
        (["--control", "SF-2", "--host", "c", "--junit", "/proc/x"], "--junit: cannot be written"),
    ],
)
def test_mistake_on_the_command_line_is_one_line(
    clinic: Clinic, arguments: list[str], said: str
) -> None:
    done = clinic.verify(*arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


@dataclass
class Last:
    """The last run, after all breaks, and the files of `t/c` before and after it."""

    result: dict[str, Any]
    before: str
    after: str


@pytest.fixture(scope="module")
def last(clinic: Clinic) -> Last:
    """All controls of all hosts, once more."""
    # /tmp itself is left out: that something was there for a moment shows in its time.
    folders = "/etc /root /home /var/lib/rempart-automation /tmp /srv"
    state = f"find {folders} -xdev -mindepth 1 -printf '%p %m %u %s %T@ %y\\n' | sort"
    before = clinic.hosts["c"].run(state).stdout
    result = json.loads(clinic.verify("--json").stdout)
    return Last(result, before, clinic.hosts["c"].run(state).stdout)


def test_mended_hosts_are_green_again(last: Last) -> None:
    assert {name: findings(each) for name, each in last.result["hosts"].items()} == {
        "t/a": {},
        "t/b": {},
        "t/c": {},
    }
    assert last.result["ok"] is True


def test_every_control_is_proven_on_every_host(last: Last) -> None:
    for records in last.result["hosts"].values():
        assert {record["control"] for record in records} == CHECKED
        for record in records:
            assert record["result"] in ("pass", "info", "n/a"), record
            assert record["expected"]
            assert record["how"]
    assert "BK-3" in last.result["no_check"]


def test_nothing_of_verify_stays_on_a_host(clinic: Clinic, last: Last) -> None:
    assert last.after.splitlines() == last.before.splitlines()
    assert clinic.hosts["c"].run("pgrep -u rempart perl", check=False).stdout == ""
