"""Whoever is on a host stays on it while sshd changes, and sshd behind a socket is sshd as well."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import practice
import pytest
from patient import Patient

DROP_IN = "/etc/ssh/sshd_config.d/00-rempart.conf"


@contextmanager
def open_sessions(patient: Patient, folder: Path) -> Iterator[Callable[[], None]]:
    """Open a session and a ControlMaster; the function asserts that both are of use still."""
    way, there = patient.ssh(patient.name), f"rempart@{patient.host.address}"
    master = [*way, "-S", str(folder / "master"), there]
    subprocess.run([*master, "-M", "-N", "-f"], check=True, stdin=subprocess.DEVNULL)
    session = subprocess.Popen(
        [*way, there, "cat"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
    )  # fmt: skip

    def answer() -> None:
        assert session.stdin
        assert session.stdout
        session.stdin.write("still here\n")
        assert session.stdout.readline() == "still here\n"
        new = subprocess.run([*master, "sudo id -un"], capture_output=True, text=True, check=False)
        assert new.stdout == "root\n", new.stderr

    try:
        answer()
        yield answer
    finally:
        session.kill()
        session.communicate()
        subprocess.run([*master, "-O", "exit"], check=False, capture_output=True)


def greeting(patient: Patient) -> bytes:
    """Return what the running sshd says first; stock Debian's names its package's version."""
    with socket.create_connection((patient.host.address, 22), timeout=30) as connection:
        return connection.recv(200)


def apply(patient: Patient) -> str:
    done = practice.rempart("apply", patient.inventory, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_open_sessions_survive_an_apply_that_reloads_sshd(patient: Patient, tmp_path: Path) -> None:
    with open_sessions(patient, tmp_path) as still_answer:
        assert b"Debian" in greeting(patient)
        assert "Reload ssh.service" in apply(patient)
        assert b"Debian" not in greeting(patient)  # another configuration runs by now
        still_answer()


@pytest.mark.parametrize("image", ["debian-12", "debian-13"])
def test_sshd_behind_its_socket_is_hardened_and_stays_behind_it(
    admit: Callable[..., Patient], tmp_path: Path, image: str
) -> None:
    patient = admit(image)
    patient.host.run("systemctl disable --now ssh.service; systemctl enable --now ssh.socket")
    with open_sessions(patient, tmp_path) as still_answer:
        assert practice.rempart("plan", patient.inventory).returncode == 2
        apply(patient)
        assert b"Debian" not in greeting(patient)
        still_answer()
        assert "t/a: 0 changes made" in apply(patient)

        patient.host.run(f"sed -i 's/^DebianBanner no/DebianBanner yes/' {DROP_IN}")
        patient.host.run("systemctl stop ssh.service")
        assert b"Debian" in greeting(patient)
        assert "Reload ssh.service" in apply(patient)
        assert b"Debian" not in greeting(patient)
        still_answer()
    assert_verified_behind_the_socket(patient)
    patient.host.reboot()
    assert_verified_behind_the_socket(patient)
    assert practice.planned(patient.inventory) == {"t/a": {}}


def assert_verified_behind_the_socket(patient: Patient) -> None:
    units = patient.host.run("systemctl is-enabled ssh.socket ssh.service", check=False).stdout
    assert units.split() == ["enabled", "disabled"]
    assert patient.host.run("systemctl is-active ssh.socket").stdout == "active\n"
    verified = practice.rempart("verify", patient.inventory)
    assert verified.returncode == 0, verified.stdout + verified.stderr
