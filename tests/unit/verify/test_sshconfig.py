"""The ssh_config of the checks, as OpenSSH itself understands it (`ssh -G`)."""

import subprocess
from pathlib import Path

import pytest

from lab.requirements import program
from rempart.errors import RempartError
from rempart.policy import load
from rempart.verify import sshconfig

PROVIDER = """\
name: Alpes
management: [203.0.113.10/32]
automation:
  key: keys/automation key
  public_key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHSI2gdZ/fnLVhCT19exUwrr2d46WoxFjh6gIy8DxIZ9
"""
PRACTICE = """\
practice: {name: durand, title: Durand}
provider: provider.yaml
hosts:
  - {name: front, role: sftp_server, address: 203.0.113.5, port: 2222, inside: 192.168.1.2}
  - {name: archives, role: workstation, address: 192.168.1.10, jump: front}
"""


@pytest.fixture
def asked(tmp_path: Path) -> dict[str, str]:
    """What ssh would do to reach the host behind the jump host."""
    (tmp_path / "provider.yaml").write_text(PROVIDER)
    (tmp_path / "p.yaml").write_text(PRACTICE)
    config = sshconfig.write(load(tmp_path / "p.yaml"), tmp_path)
    command = [program("ssh"), "-G", "-F", str(config), "archives"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return dict(line.split(" ", 1) for line in said.splitlines())


def test_host_keys_are_pinned_and_checked(asked: dict[str, str], tmp_path: Path) -> None:
    assert asked["stricthostkeychecking"] == "true"
    assert asked["hostkeyalias"] == "durand/archives"
    assert asked["userknownhostsfile"] == str(tmp_path / "known_hosts" / "durand" / "archives")
    assert asked["globalknownhostsfile"] == "/dev/null"
    assert asked["updatehostkeys"] == "false"


def test_only_the_automation_key_is_used_and_nothing_asks(
    asked: dict[str, str], tmp_path: Path
) -> None:
    assert asked["identityfile"] == str(tmp_path / "keys" / "automation key")
    assert asked["identitiesonly"] == "yes"
    assert asked["batchmode"] == "yes"
    assert asked["user"] == "rempart"
    assert asked["forwardagent"] == "no"


def test_hop_and_address_are_the_policys(asked: dict[str, str]) -> None:
    assert asked["proxyjump"] == "front"
    assert (asked["hostname"], asked["port"]) == ("192.168.1.10", "22")


def test_quotes_and_percents_in_a_path_are_the_paths_own(tmp_path: Path) -> None:
    (tmp_path / "provider.yaml").write_text(PROVIDER.replace("automation key", r'50% "a" \b'))
    (tmp_path / "p.yaml").write_text(PRACTICE)
    config = sshconfig.write(load(tmp_path / "p.yaml"), tmp_path)
    command = [program("ssh"), "-G", "-F", str(config), "front"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f'identityfile {tmp_path}/keys/50%% "a" \\b\n' in said  # as written, %% is %


def test_path_that_ssh_would_read_as_a_variable_is_refused(tmp_path: Path) -> None:
    (tmp_path / "provider.yaml").write_text(PROVIDER.replace("automation key", "${HOME}"))
    (tmp_path / "p.yaml").write_text(PRACTICE)
    with pytest.raises(RempartError, match="rename it"):
        sshconfig.write(load(tmp_path / "p.yaml"), tmp_path)
