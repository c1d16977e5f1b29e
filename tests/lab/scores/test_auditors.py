"""Auditors who know nothing of rempart stay content with a hardened host, and people get in."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import paramiko
import pytest

from lab import image, place
from lab.host import Host
from lab.requirements import program
from scores import openscap, reason, sshaudit
from scores.audit import IMAGE, install
from scores.measure import harden

LOGIN = "t.leroy"
KEY = place.KEYS / LOGIN


@pytest.fixture(scope="module")
def hardened(module_host: Callable[..., Host], tmp_path_factory: pytest.TempPathFactory) -> Host:
    host = module_host(IMAGE)
    install(host)
    harden(tmp_path_factory.mktemp("scores"), host, "enhanced")
    return host


@pytest.fixture
def known_hosts(hardened: Host, tmp_path: Path) -> Path:
    file = tmp_path / "known_hosts"
    file.write_text("\n".join(hardened.host_key_lines) + "\n")
    return file


def test_openscap_finds_nothing_at_anssi_s_minimal_level(hardened: Host) -> None:
    rules = openscap.evaluate(hardened, "minimal")
    assert [finding.rule for finding in openscap.findings(rules)] == []
    assert openscap.count(rules)["pass"] >= 34


def test_ssh_audit_finds_no_bad_algorithm(hardened: Host) -> None:
    report = sshaudit.audit(hardened.address)
    assert report.fail == []
    assert {(each.auditor, each.rule) for each in report.warn} <= reason.load().keys()


def test_the_locked_paramiko_gets_in(hardened: Host, known_hosts: Path) -> None:
    with paramiko.SSHClient() as client:
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        client.load_host_keys(str(known_hosts))
        client.connect(
            hardened.address, username=LOGIN, key_filename=str(KEY), timeout=30,
            look_for_keys=False, allow_agent=False,
        )  # fmt: skip
        assert client.exec_command("id -un")[1].read() == f"{LOGIN}\n".encode()


@pytest.mark.parametrize("version", ["", "OpenSSH_8.4"], ids=["debian-12", "debian-11"])
def test_openssh_s_clients_get_in(hardened: Host, known_hosts: Path, version: str) -> None:
    """Debian 11's is the oldest that a provider may still have."""
    client = old_client() if version else [program("ssh")]
    said = subprocess.run([*client, "-V"], capture_output=True, text=True, check=True).stderr
    assert said.startswith(version or "OpenSSH_")
    options = ["-F", "none", "-o", "BatchMode=yes", "-o", f"UserKnownHostsFile={known_hosts}"]
    options += ["-o", "IdentitiesOnly=yes", "-i", str(KEY), "-l", LOGIN]
    command = [*client, *options, hardened.address, "id -un"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == f"{LOGIN}\n", done.stderr


def old_client() -> list[str]:
    """Return Debian 11's ssh, which runs with its own loader and libraries."""
    tree = image.make("debian-11-ssh")
    [loader] = tree.glob("lib/*/ld-*.so")
    libraries = ":".join(f"{tree}{folder}/{loader.parent.name}" for folder in ("/lib", "/usr/lib"))
    return [str(loader), "--library-path", libraries, f"{tree}/usr/bin/ssh"]
