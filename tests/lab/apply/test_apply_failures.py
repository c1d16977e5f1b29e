"""Hosts that cannot be reached or used: one clear line each, and the others go on."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import practice
import pytest
from cabinet import Cabinet
from test_apply_refusals import one_line


@contextmanager
def off(cabinet: Cabinet) -> Iterator[None]:
    cabinet.b.cut_network()
    yield
    cabinet.b.restore_network()


@contextmanager
def changed_host_key(cabinet: Cabinet) -> Iterator[None]:
    """The pinned key is another one, as if somebody stood in between."""
    pins = cabinet.inventory.parent / "known_hosts" / "t"
    before = (pins / "b").read_text()
    (pins / "b").write_text((pins / "a").read_text().replace("t/a", "t/b"))
    yield
    (pins / "b").write_text(before)


@contextmanager
def forgotten_host_key(cabinet: Cabinet) -> Iterator[None]:
    pin = cabinet.inventory.parent / "known_hosts" / "t" / "b"
    before = pin.read_text()
    pin.unlink()
    yield
    pin.write_text(before)


@contextmanager
def damaged_pins(cabinet: Cabinet) -> Iterator[None]:
    pin = cabinet.inventory.parent / "known_hosts" / "t" / "b"
    before = pin.read_text()
    pin.write_bytes(b"\xff\x00 ssh-ed25519 AAAA\n")
    yield
    pin.write_text(before)


@contextmanager
def no_sudo(cabinet: Cabinet) -> Iterator[None]:
    cabinet.b.run("mv /etc/sudoers.d/rempart /root/sudoers")
    yield
    cabinet.b.run("mv /root/sudoers /etc/sudoers.d/rempart")


@contextmanager
def no_login(cabinet: Cabinet) -> Iterator[None]:
    cabinet.b.run("mv /etc/ssh/authorized_keys.d/rempart /root/key")
    yield
    cabinet.b.run("mv /root/key /etc/ssh/authorized_keys.d/rempart")


@contextmanager
def no_shell(cabinet: Cabinet) -> Iterator[None]:
    cabinet.b.run("usermod -s /usr/sbin/nologin rempart")
    yield
    cabinet.b.run("usermod -s /bin/sh rempart")


@contextmanager
def no_systemd(cabinet: Cabinet) -> Iterator[None]:
    cabinet.b.run(
        "mv /usr/bin/systemctl /root/; printf '#!/bin/sh\\necho System has not been booted with"
        " systemd as init system >&2; exit 1\\n' > /usr/bin/systemctl; chmod 755 /usr/bin/systemctl"
    )
    yield
    cabinet.b.run("mv /root/systemctl /usr/bin/")


FAILURES: dict[str, tuple[Callable[[Cabinet], object], str]] = {
    "a host that is off": (off, "is it switched on"),
    "another host key": (changed_host_key, "HOST KEY CHANGED, nothing was sent"),
    "no pinned host key": (forgotten_host_key, "no pinned host key; run 'rempart enroll'"),
    "damaged pins": (damaged_pins, "known_hosts"),
    "an account without sudo": (no_sudo, "observing it failed (got sudo: a password is required)"),
    "an account without a key": (no_login, "login refused"),
    "an account without a shell": (no_shell, "observing it failed (got "),
    "no systemd": (no_systemd, "no answer about unit:"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_host_that_fails_is_one_line_and_the_other_goes_on(cabinet: Cabinet, failure: str) -> None:
    fails, expected = FAILURES[failure]
    with fails(cabinet):  # type: ignore[attr-defined]
        plan = cabinet.plan()
        apply = cabinet.apply()
    for done in (plan, apply):
        assert done.returncode == 1
        error = one_line(done.stderr)
        assert error.startswith("rempart: t/b: ")
        assert expected in error
    assert plan.stdout == "0 changes, 1 of 2 hosts as wanted, 1 NOT PLANNED\n"
    assert apply.stdout == "t/a: 0 changes made\nt/b: FAILED\n"
    assert practice.planned(cabinet.inventory) == {"t/a": {}, "t/b": {}}


def test_package_that_cannot_be_installed_says_what_apt_said(cabinet: Cabinet) -> None:
    """Nothing else is changed on that host, and the next run makes up for it."""
    cabinet.b.run("dpkg --remove unattended-upgrades; mv /var/lib/apt/lists /root/lists")
    cabinet.b.run("cp -a /etc/apt/sources.list /root/; cp -a /etc/apt/sources.list.d /root/")
    cabinet.b.run(
        "rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /var/cache/apt/archives/*"
    )
    try:
        failed = practice.rempart("apply", cabinet.inventory, "--yes")
    finally:
        cabinet.b.run("cp -a /root/sources.list* /etc/apt/; rm -rf /var/lib/apt/lists")
        cabinet.b.run("mv /root/lists /var/lib/apt/")
    assert failed.returncode == 1
    assert "Packages | Install and remove: failed: " in one_line(failed.stderr)
    assert "unattended-upgrades" in failed.stderr
    mended = practice.rempart("apply", cabinet.inventory, "--yes")
    assert mended.returncode == 0, mended.stderr
    assert practice.planned(cabinet.inventory) == {"t/a": {}, "t/b": {}}


def command_line(*arguments: object) -> subprocess.CompletedProcess[str]:
    return practice.rempart(*arguments, timeout_s=60)


def test_plan_file_that_cannot_be_written_is_one_line(cabinet: Cabinet) -> None:
    done = command_line("plan", cabinet.inventory, "-o", cabinet.inventory / "no" / "plan.json")
    assert done.returncode == 1
    assert "plan: --output: cannot be written" in one_line(done.stderr)


def test_host_that_the_policy_does_not_know_is_one_line(cabinet: Cabinet) -> None:
    for command in ("plan", "apply"):
        done = command_line(command, cabinet.inventory, "--host", "x")
        assert done.returncode == 1
        assert "there is no such host (got 'x'); name one of a, b" in one_line(done.stderr)


def test_plan_file_that_is_none_is_one_line(cabinet: Cabinet) -> None:
    cabinet.plan_file.write_text("[" * 100_000)
    done = cabinet.apply()
    assert done.returncode == 1
    assert "is no plan of rempart" in one_line(done.stderr)


def test_apply_of_a_policy_changes_nothing_without_a_yes(cabinet: Cabinet) -> None:
    cabinet.a.run("echo '// by hand' >> /etc/apt/apt.conf.d/52rempart")
    for more, answer in ([], ""), ([], "n\n"), (["--json"], ""):
        done = practice.rempart("apply", cabinet.inventory, *more, stdin=answer)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
    assert "by hand" in cabinet.a.run("cat /etc/apt/apt.conf.d/52rempart").stdout
    assert practice.rempart("apply", cabinet.inventory, stdin="y\n").returncode == 0
    assert "by hand" not in cabinet.a.run("cat /etc/apt/apt.conf.d/52rempart").stdout
