"""`rempart release`: a stock host, hardened, is what it was before; or keeps all but our traces."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import practice
import pytest
from original import PAST, assert_same, snapshot, wait_until_gone

from lab import place, secret
from lab.host import Host
from lab.requirements import program

HostFactory = Callable[..., Host]


def hardened(folder: Path, host: Host, **more: object) -> Path:
    inventory = practice.enrolled(folder, {"a": host}, people=[practice.MARIE], **more)
    done = practice.rempart("apply", inventory, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    return inventory


def login(
    host: Host, inventory: Path, user: str, *options: str
) -> subprocess.CompletedProcess[str]:
    """Try to log in with OpenSSH's client; its words say why not."""
    pinned = inventory.parent / "known_hosts" / "t" / "a"
    command = [program("ssh"), "-F", "none", f"-oUserKnownHostsFile={pinned}", "-oHostKeyAlias=t/a"]
    command += ["-oBatchMode=yes", "-oIdentitiesOnly=yes", "-oConnectTimeout=10", *options]
    command += [f"{user}@{host.address}", "true"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def interrupted(when: str, inventory: Path) -> None:
    script = Path(__file__).with_name("interrupted_release.py")
    command = [sys.executable, script, when, "release", inventory, "a", "--yes", "--window", "45"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == -9, done.stdout + done.stderr


@pytest.mark.parametrize("image", ["debian-12", "debian-13"])
def test_host_is_what_it_was_before(fresh_host: HostFactory, tmp_path: Path, image: str) -> None:
    host = fresh_host(image)
    host.run(PAST)
    before = snapshot(host)
    inventory = hardened(tmp_path, host)
    assert snapshot(host) != before
    shown = practice.rempart("release", inventory, "t/a", stdin="n\n")
    assert "Put back /etc/ssh/authorized_keys.d/former on t/a" in shown.stdout
    assert "    + inetutils-telnet" in shown.stdout
    assert "admin (over SSH with a password, on the console)" in shown.stdout
    assert shown.returncode == 1
    done = practice.rempart("release", inventory, "a", "--yes", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    (result,) = json.loads(done.stdout)
    assert f"remove hosts[a] and what names it from {inventory}" in result["notes"][-1]
    wait_until_gone(host)
    assert_same(before, snapshot(host))
    automation = login(host, inventory, "rempart", "-i", str(place.KEYS / "automation"))
    assert "Permission denied" in automation.stderr
    practice.enrol(inventory, {"a": host})  # by the administrator's password, over the stock sshd


def test_seals_and_their_database_go_too(fresh_host: HostFactory, tmp_path: Path) -> None:
    host = fresh_host(practice.READY)
    before = snapshot(host)
    inventory = practice.enrolled(tmp_path, {"a": host}, people=[practice.MARIE])
    practice.edit(inventory, lambda data: data.update(baseline="enhanced"))
    applied = practice.rempart("apply", inventory, "--yes")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    host.run("systemctl start rempart-seals && test -s /var/lib/rempart-seals/aide.db")
    done = practice.rempart("release", inventory, "a", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    wait_until_gone(host)
    assert_same(before, snapshot(host))


def test_home_with_work_in_it_stays_and_an_empty_one_goes(
    fresh_host: HostFactory, tmp_path: Path
) -> None:
    host = fresh_host(practice.READY)
    inventory = hardened(tmp_path, host)
    host.run("su m.durand -c 'echo work > ~/letter'")
    done = practice.rempart("release", inventory, "a", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "/home/m.durand: not empty, so it stays, for root alone" in done.stdout
    wait_until_gone(host)
    assert host.run(
        "cat /home/m.durand/letter; stat -c '%U %a' /home/m.durand; ls /home"
    ).stdout == ("work\nroot 700\nadmin\nm.durand\n")
    assert host.run("id m.durand", check=False).returncode == 1


def test_sudo_that_came_with_enrolment_goes_with_it(
    fresh_host: HostFactory, tmp_path: Path
) -> None:
    host = fresh_host(practice.READY)
    host.run("SUDO_FORCE_REMOVE=yes apt-get -qq -y purge sudo >/dev/null 2>&1")
    before = snapshot(host)
    inventory = practice.write(tmp_path, {"a": host})
    enrolled = practice.rempart(
        "enroll", inventory, "a", "--user", "root", "--password-file", "-",
        "--fingerprint", secret.fingerprint(host.spec), stdin=f"{host.root_password}\n",
    )  # fmt: skip
    assert "package sudo installed" in enrolled.stdout, enrolled.stderr
    done = practice.rempart("release", inventory, "a", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    wait_until_gone(host)
    assert_same(before, snapshot(host))


def test_leaver_from_before_is_gone_too(fresh_host: HostFactory, tmp_path: Path) -> None:
    host = fresh_host(practice.READY)
    before = snapshot(host)
    inventory = hardened(tmp_path, host)
    practice.edit(inventory, lambda data: data.update(people=[]))
    left = practice.rempart("apply", inventory, "--yes")
    assert left.returncode == 0, left.stdout + left.stderr
    done = practice.rempart("release", inventory, "a", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    wait_until_gone(host)
    assert_same(before, snapshot(host))


def test_hardening_that_is_kept_holds_without_rempart(
    fresh_host: HostFactory, tmp_path: Path
) -> None:
    host = fresh_host("debian-13-ready")
    inventory = hardened(tmp_path, host)
    before = snapshot(host)
    done = practice.rempart("release", inventory, "a", "--keep", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "only the console is left" in done.stdout
    wait_until_gone(host)
    ours = re.compile(r"^rempart-farewell|rempart-automation|/var/lib/rempart|/run/rempart|"
                      r"/etc/(passwd|shadow|group|gshadow)$|/etc/sudoers.d/rempart|"
                      r"authorized_keys.d/rempart")  # fmt: skip
    kept = [line for line in before if not ours.search(line)]
    assert_same(kept, [line for line in snapshot(host) if not ours.search(line)])
    assert_holds(host, inventory)
    host.reboot()
    assert_holds(host, inventory)
    assert host.run("ls -d /var/lib/rempart /etc/sudoers.d/rempart", check=False).stdout == ""


def login_by_key(host: Host, inventory: Path) -> subprocess.CompletedProcess[str]:
    key = str(place.KEYS / "m.durand")
    return login(host, inventory, "m.durand", "-i", key, "-oLocalCommand=echo pong",
                 "-oPermitLocalCommand=yes")  # fmt: skip


def assert_holds(host: Host, inventory: Path) -> None:
    """Try what the hardening refuses, and what it lets in."""
    password = login(host, inventory, "admin", "-oPreferredAuthentications=password")
    assert "Permission denied (publickey)" in password.stderr
    assert login_by_key(host, inventory).stdout == "pong\n"
    automation = login(host, inventory, "rempart", "-i", str(place.KEYS / "automation"))
    assert "Permission denied" in automation.stderr
    host.run("systemd-run -q --unit=listener python3 -m http.server 8080 --bind 0.0.0.0")
    inside = "python3 -c \"import socket; socket.create_connection(('127.0.0.1', 8080))\""
    host.run(f"until {inside}; do sleep 0.2; done 2>/dev/null", timeout_s=30)
    try:
        probe = [program("bash"), "-c", f"exec 3<>/dev/tcp/{host.address}/8080"]
        with pytest.raises(subprocess.TimeoutExpired):
            subprocess.run(probe, capture_output=True, check=False, timeout=3)
    finally:
        host.run("systemctl stop listener")


@pytest.mark.parametrize(
    "when", ["before-proof", "after-guard", "before-farewell", "after-farewell"]
)
def test_interrupted_release_finishes_when_it_is_run_again(
    fresh_host: HostFactory, tmp_path: Path, when: str
) -> None:
    host = fresh_host(practice.READY)
    before = snapshot(host)
    inventory = hardened(tmp_path, host)
    interrupted(when, inventory)
    if when == "before-proof":
        while host.run("test -e /var/lib/rempart/guard/reverted", check=False).returncode:
            time.sleep(0.5)
        assert "passwordauthentication no" in host.run("sshd -T").stdout
    if when != "after-farewell":
        host.run("rm /run/rempart/lock")  # as if its lease were over
        again = practice.rempart("release", inventory, "a", "--yes")
        assert again.returncode == 0, again.stdout + again.stderr
    wait_until_gone(host)
    assert_same(before, snapshot(host))


def test_power_cut_in_the_last_step_is_made_up_for_at_the_next_boot(
    fresh_host: HostFactory, tmp_path: Path
) -> None:
    host = fresh_host(practice.READY)
    inventory = hardened(tmp_path, host)
    # It hangs where half of it is done.
    host.run("printf '#!/bin/sh\\nsleep 600\\n' > /root/hang; chmod 755 /root/hang")
    host.run("mount --bind /root/hang /usr/sbin/userdel")
    practice.rempart("release", inventory, "a", "--keep", "--yes")
    host.run("umount /usr/sbin/userdel; rm /root/hang; id rempart")
    host.reboot()
    wait_until_gone(host)
    assert "rempart" not in host.run("cut -d: -f1 /etc/passwd").stdout.split()


def test_release_that_would_lock_everybody_out_is_refused(
    fresh_host: HostFactory, tmp_path: Path
) -> None:
    host = fresh_host(practice.READY)
    inventory = hardened(tmp_path, host)
    host.run("passwd -q -l admin; passwd -q -l root")
    before = snapshot(host)
    for keep in ([], ["--keep"]):
        done = practice.rempart("release", inventory, "a", "--yes", *keep)
        assert done.returncode == 1
        assert "nobody could get in any more" in done.stderr
    assert_same(before, snapshot(host))


def test_jump_host_is_not_released_before_those_behind_it(
    fresh_host: HostFactory, tmp_path: Path
) -> None:
    hosts = {"a": fresh_host(practice.READY), "b": fresh_host(practice.READY)}
    inventory = practice.enrolled(tmp_path, hosts, jumps={"b": "a"})
    alone = practice.rempart("release", inventory, "a", "--yes")
    assert alone.returncode == 1
    assert "t/a: is the way to b; release those too" in alone.stderr
    both = practice.rempart("release", inventory, "a", "b", "--yes")
    assert both.returncode == 0, both.stdout + both.stderr
    for host in hosts.values():
        wait_until_gone(host)


def test_hosts_to_leave_are_named_one_by_one(tmp_path: Path) -> None:
    done = practice.rempart("release", tmp_path / "t.yaml")
    assert done.returncode == 2
    assert "hosts" in done.stderr.lower()
