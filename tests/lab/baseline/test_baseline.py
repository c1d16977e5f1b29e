"""The strictest baseline on real hosts: people and apt go on working, and all comes off again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import practice
import pytest

from lab.host import Host
from rempart.hardening.filesystem import UNNEEDED_SETUID

HostFactory = Callable[..., Host]

IMAGES = ("debian-12", "debian-13")

MIRRORS = "clamav-freshclam-once.service"
"""Fails where no mirror of signatures is in reach, as in the lab."""

# What `release` must give back, and neither a package nor another concern touches.
STATE = r"""
findmnt -n -r -o TARGET,VFS-OPTIONS | grep -E '^/(home|tmp|var/tmp|dev/shm) ' | sort
find /etc/cron* /etc/ssh/sshd_config /etc/shadow /usr/bin/ch?? /usr/lib/openssh /boot \
  -maxdepth 0 -printf '%p %m %u %g\n'
find /usr/lib/openssh -printf '%p %m %u %g\n'
dpkg-statoverride --list
sha256sum /etc/login.defs /etc/bash.bashrc /etc/pam.d/common-session
sysctl -a -r '^net[.]ipv[46][.](conf[.](all|default)|icmp|tcp_|ip_)' 2>/dev/null
ls -d /etc/modprobe.d /etc/systemd/coredump.conf.d /etc/security/limits.d/* /etc/sysctl.d/*
true
"""

# As a person: a file in the home, a job, a setgid folder shared with colleagues.
PERSON = """
set -e
runuser -l m.durand -c 'echo work > ~/letter && mktemp /tmp/m.XXXXXX'
echo '0 1 * * * true' | runuser -u m.durand -- crontab -
runuser -u m.durand -- crontab -l
runuser -l m.durand -c 'unshare --user --map-root-user true'
"""

# Under sudo in a login shell, with the strictest umask. What a package brings is for all to read.
PACKAGES = """
set -e
echo 't.leroy ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/test && chmod 440 /etc/sudoers.d/test
as_admin() { script -qec "runuser -l t.leroy -c '$1'" /dev/null; }
as_admin 'sudo apt-get -q update && sudo apt-get -q -y install --no-install-recommends fontconfig'
as_admin 'sudo apt-get -q -y upgrade'
rm /etc/sudoers.d/test
test -z "$(dpkg --audit)"
runuser -u nobody -- sh -c 'fc-list > /dev/null && apt-cache policy fontconfig > /dev/null'
"""


@pytest.fixture(scope="module", params=IMAGES)
def hardened(
    request: pytest.FixtureRequest,
    module_host: HostFactory,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Host, Path, str]:
    """A server at `enhanced`, its inventory, and its state before."""
    host = module_host(request.param)
    before = host.run(STATE).stdout
    inventory = practice.enrolled(
        tmp_path_factory.mktemp("baseline"),
        {"a": host},
        people=[practice.MARIE | {"scheduled_jobs": True}],
        roles={"a": "sftp_server"},
    )
    practice.edit(inventory, lambda data: data.update(baseline="enhanced"))
    done = practice.rempart("apply", inventory, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    return host, inventory, before


def test_second_run_has_nothing_to_do(hardened: tuple[Host, Path, str]) -> None:
    assert practice.planned(hardened[1]) == {"t/a": {}}


def test_people_go_on_working(hardened: tuple[Host, Path, str]) -> None:
    assert "0 1 * * * true" in hardened[0].run(PERSON).stdout


def test_packages_are_installed_and_readable(hardened: tuple[Host, Path, str]) -> None:
    done = hardened[0].run(PACKAGES, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_upgrade_of_a_package_leaves_its_programs_restricted(
    hardened: tuple[Host, Path, str],
) -> None:
    host = hardened[0]
    host.run("apt-get -q -y install --reinstall passwd openssh-client")
    assert host.run(f"find {' '.join(UNNEEDED_SETUID)} -perm /6000").stdout == ""
    assert practice.planned(hardened[1]) == {"t/a": {}}


def test_boot_brings_the_same(hardened: tuple[Host, Path, str]) -> None:
    host, inventory, _ = hardened
    host.reboot()
    failed = host.run("systemctl --failed --no-legend").stdout.splitlines()
    assert [line for line in failed if MIRRORS not in line] == []
    assert practice.planned(inventory) == {"t/a": {}}
    done = practice.rempart("verify", inventory, "--control", "PR-4")
    assert done.returncode == 0, done.stdout


def test_release_gives_everything_back(hardened: tuple[Host, Path, str]) -> None:
    host, inventory, before = hardened
    done = practice.rempart("release", inventory, "a", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    lost_and_found = set(before.splitlines()) ^ set(host.run(STATE).stdout.splitlines())
    assert sorted(lost_and_found) == []
