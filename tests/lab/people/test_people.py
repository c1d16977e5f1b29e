"""Joiners and leavers on real hosts: who has left is out by every way, and can come back."""

from __future__ import annotations

import datetime
import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import practice
import pytest

from lab import place
from lab.host import Host
from lab.requirements import program

PASSWORD = "Corr3ct-horse-battery"
LOGIN = "m.durand"

# What she has besides her key: each of it would run or let her in again.
SETTLE_IN = f"""
DEBIAN_FRONTEND=noninteractive apt-get -qq -y install at cron >/dev/null 2>&1
echo {LOGIN}:{PASSWORD} | chpasswd
adduser --quiet {LOGIN} adm; adduser --quiet {LOGIN} sudo
echo '* * * * * touch /tmp/cron-ran' | crontab -u {LOGIN} -
su {LOGIN} -c 'echo touch /tmp/at-ran | at now + 1 minute' 2>/dev/null
loginctl enable-linger {LOGIN}
install -d -o {LOGIN} -g {LOGIN} /home/{LOGIN}/.config/systemd/user
echo letter > /home/{LOGIN}/letter; chown {LOGIN}: /home/{LOGIN}/letter
"""

LEFT_BEHIND = f"""
pgrep -a -U {LOGIN}; id -nG {LOGIN}
find /var/spool/cron/crontabs /var/spool/cron/atjobs /var/lib/systemd/linger -type f ! -name .SEQ
ls /etc/ssh/authorized_keys.d; stat -c '%U %a' /home/{LOGIN}; true
"""


@dataclass
class Desk:
    """Host `t/a`, on which m.durand has a key, and a file of pinned keys."""

    host: Host
    inventory: Path

    def ssh(self, *words: str) -> list[str]:
        """Return OpenSSH's client as m.durand."""
        known = self.inventory.parent / "known_hosts" / "t" / "a"
        options = [f"-oUserKnownHostsFile={known}", "-oHostKeyAlias=t/a", "-oBatchMode=yes"]
        key = ["-F", "none", "-oIdentitiesOnly=yes", "-i", str(place.KEYS / LOGIN)]
        return [program("ssh"), *key, *options, *words, f"{LOGIN}@{self.host.address}"]

    def logs_in(self) -> bool:
        """Tell whether her key opens."""
        return (
            subprocess.run([*self.ssh(), "true"], capture_output=True, check=False).returncode == 0
        )

    def password_opens(self) -> bool:
        """Tell whether her password opens, asked through PAM by somebody else on the host."""
        ask = f"runuser -u admin -- su {LOGIN} -c 'echo in'"
        return "in" in self.host.run(ask, input=f"{PASSWORD}\n", check=False).stdout.split()

    @contextmanager
    def master(self, socket: Path) -> Iterator[subprocess.Popen[bytes]]:
        """Open a connection of hers that later sessions share."""
        command = self.ssh("-M", "-N", f"-oControlPath={socket}")
        with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
            try:
                while subprocess.run(
                    [*self.ssh("-O", "check", f"-oControlPath={socket}")],
                    capture_output=True, check=False,
                ).returncode:  # fmt: skip
                    assert process.poll() is None
                yield process
            finally:
                process.kill()


@pytest.fixture
def desk(fresh_host: Callable[..., Host], tmp_path: Path) -> Desk:
    host = fresh_host(practice.READY)
    inventory = practice.enrolled(
        tmp_path, {"a": host}, people=[practice.MARIE | {"scheduled_jobs": True}]
    )
    done = practice.rempart("apply", inventory, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    host.run(SETTLE_IN)
    return Desk(host, inventory)


def test_a_leaver_is_out_by_every_way_and_can_come_back(desk: Desk, tmp_path: Path) -> None:
    with desk.master(tmp_path / "socket") as master:
        assert desk.logs_in()
        assert desk.password_opens()
        left = practice.rempart(
            "people", "leave", LOGIN, desk.inventory, "--now", "--apply", "--yes"
        )
        assert left.returncode == 0, left.stdout + left.stderr
        assert f"Close account {LOGIN}" in left.stdout
        assert master.wait(timeout=10) != 0
    assert not desk.logs_in()
    assert not desk.password_opens()
    kept = "root 700\n"
    said = desk.host.run(LEFT_BEHIND).stdout
    assert said == f"{LOGIN}\nrempart\nt.leroy\n{kept}"
    assert practice.planned(desk.inventory) == {"t/a": {}}
    green = practice.rempart("verify", desk.inventory, "--control", "AC-4")
    assert green.returncode == 0, green.stdout

    desk.host.run(f"chage -E -1 {LOGIN}; loginctl enable-linger {LOGIN}")
    red = practice.rempart("verify", desk.inventory, "--control", "AC-4", "--json")
    assert red.returncode == 1
    assert "open account" in red.stdout
    assert "/var/lib/systemd/linger/m.durand" in red.stdout

    # She comes back: her files and her password are as she left them.
    practice.edit(desk.inventory, lambda data: data["people"][0].pop("until"))
    done = practice.rempart("apply", desk.inventory, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert desk.logs_in()
    assert desk.password_opens()
    assert desk.host.run(f"su {LOGIN} -c 'cat ~/letter'").stdout == "letter\n"


def test_the_last_day_is_on_the_host_before_it_comes(desk: Desk) -> None:
    last_day = datetime.date.today() + datetime.timedelta(days=3)
    practice.rempart("people", "leave", LOGIN, desk.inventory, "--on", last_day, "--apply", "--yes")
    assert desk.logs_in()
    closes = last_day + datetime.timedelta(days=1)
    said = desk.host.run(f"LC_ALL=C chage -i -l {LOGIN}").stdout
    assert f"Account expires\t\t\t\t\t\t: {closes}" in said
    # The host by itself, unreachable by then: its own date decides.
    desk.host.run(f"chage -E {datetime.date.today()} {LOGIN}")
    assert not desk.logs_in()
    assert not desk.password_opens()


def test_one_leaver_of_two_practices_and_an_absent_host_that_is_owed(
    fresh_host: Callable[..., Host], tmp_path: Path
) -> None:
    here, there, absent = (fresh_host(practice.READY) for _ in range(3))
    inventories = [
        practice.enrolled(tmp_path, {"a": here}, people=[practice.MARIE]),
        practice.enrolled(tmp_path, {"a": there, "b": absent}, name="u"),
    ]
    for inventory in inventories:
        assert practice.rempart("apply", inventory, "--yes").returncode == 0
    absent.kill()
    left = practice.rempart("people", "leave", "t.leroy", *inventories, "--now", "--apply", "--yes")
    assert left.returncode == 1
    assert "u/b: still owed; apply again when it is back" in left.stderr
    assert left.stderr.count("still owed") == 1
    for host in (here, there):
        assert host.run("getent shadow t.leroy | cut -d: -f8").stdout.strip().isdigit()
        assert "t.leroy" not in host.run("ls /etc/ssh/authorized_keys.d").stdout.split()
    assert "until:" in (tmp_path / "provider.yaml").read_text()


def test_review_names_unknown_accounts_and_the_policy_can_lock_them(
    fresh_host: Callable[..., Host], tmp_path: Path
) -> None:
    host = fresh_host(practice.READY)
    inventory = practice.enrolled(tmp_path, {"a": host}, people=[practice.MARIE])
    assert practice.rempart("apply", inventory, "--yes").returncode == 0
    host.run(f"useradd -m intruder && echo intruder:{PASSWORD} | chpasswd")
    verify = ("verify", inventory, "--control", "AC-1")
    red = practice.rempart(*verify)
    assert red.returncode == 1
    assert "intruder" in red.stdout, red.stdout

    reviewed = practice.rempart("people", "review", inventory, "--json")
    assert reviewed.returncode == 1
    (review,) = json.loads(reviewed.stdout)
    rows = {row["login"]: (row["wanted"], row["seen"]) for row in review["accounts"]}
    assert rows == {
        "t.leroy": ("open", "open"),
        "m.durand": ("open", "open"),
        "admin": ("open", "open"),
        "intruder": ("unknown", "open"),
    }

    practice.edit(inventory, lambda data: data["accounts"].update(unknown="lock"))
    assert practice.rempart("apply", inventory, "--yes").returncode == 0
    ask = "runuser -u admin -- su intruder -c 'echo in'"
    assert "in\n" not in host.run(ask, input=f"{PASSWORD}\n", check=False).stdout
    assert practice.rempart(*verify).returncode == 0
    assert practice.planned(inventory) == {"t/a": {}}
    assert practice.rempart("people", "review", inventory).returncode == 0

    practice.edit(inventory, lambda data: data["accounts"].update(unknown="report"))
    assert practice.rempart("apply", inventory, "--yes").returncode == 0
    assert "in\n" in host.run(ask, input=f"{PASSWORD}\n", check=False).stdout


def test_a_joiner_gets_in_on_her_hosts_alone(
    fresh_host: Callable[..., Host], tmp_path: Path
) -> None:
    hosts = {"a": fresh_host(practice.READY), "b": fresh_host(practice.READY)}
    inventory = practice.enrolled(tmp_path, hosts)
    joined = practice.rempart(
        "people", "join", inventory, LOGIN, "--name", "Marie Durand", "--role", "practitioner",
        "--host", "a", "--key", place.KEYS / f"{LOGIN}.pub", "--expires", "2036-12-31",
    )  # fmt: skip
    assert joined.returncode == 0, joined.stderr
    assert f"+ account {LOGIN} (Marie Durand)" in joined.stdout
    assert hosts["a"].run(f"id {LOGIN}", check=False).returncode == 1
    assert practice.rempart("apply", inventory, "--yes").returncode == 0
    assert Desk(hosts["a"], inventory).logs_in()
    assert hosts["b"].run(f"id {LOGIN}", check=False).returncode == 1
