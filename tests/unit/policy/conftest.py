"""A small practice and its provider, as text, and what becomes of a changed copy of them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rempart.policy import PolicyError, load

AUTOMATION = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHSI2gdZ/fnLVhCT19exUwrr2d46WoxFjh6gIy8DxIZ9"
TECHNICIAN = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAiiqgxj699OmvVagOrkKutZzxYwneDc63u90gy+TuhH"
DENTIST = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKPI80Mf3HH8SyRfYUu/DAHpojncJETt0vUV4k/uGFXc"
LABORATORY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJH9xuGON4EaawwdkBlmu8TkNaDvjEASr2DMQ4QFUg9V"

PROVIDER = f"""\
name: Alpes Informatique
management: [203.0.113.10/32]
automation:
  key: keys/automation
  public_key: {AUTOMATION} rempart
technicians:
  - login: t.leroy
    name: Thomas Leroy
    keys:
      - key: {TECHNICIAN} t.leroy
"""

PRACTICE = f"""\
practice:
  name: durand
  title: Cabinet Durand
provider: provider.yaml
people:
  - login: m.durand
    name: Marie Durand
    role: practitioner
    hosts: [ws-1]
    keys:
      - key: {DENTIST} m.durand
hosts:
  - name: ws-1
    role: workstation
    address: 192.168.1.10
    jump: srv
  - name: srv
    role: sftp_server
    address: 192.0.2.10
    inside: 192.168.1.2
firewall:
  services:
    - name: http
      ports: [80]
      hosts: [srv]
      from: [10.0.0.0/8]
exchange:
  host: srv
  correspondents:
    - login: labo
      name: Laboratoire
      keys:
        - key: {LABORATORY}
      sources: [192.0.2.0/24]
      until: 2030-01-31
      folders:
        - name: devis
          direction: receive
exceptions:
  - control: SE-1
    host: ws-1
    reason: Sans session
    expires: 2030-01-31
"""


@pytest.fixture
def practice(tmp_path: Path) -> Path:
    (tmp_path / "provider.yaml").write_text(PROVIDER)
    path = tmp_path / "durand.yaml"
    path.write_text(PRACTICE)
    return path


@pytest.fixture
def mistakes_of(practice: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Return the lines of the error for the small practice with one fragment replaced."""
    monkeypatch.chdir(practice.parent)

    def change(old: str, new: str, file: str = "durand.yaml") -> list[str]:
        path = Path(file)
        text = path.read_text()
        assert text.count(old) == 1, "the fragment must stand once"
        path.write_text(text.replace(old, new))
        with pytest.raises(PolicyError) as caught:
            load(Path("durand.yaml"))
        return str(caught.value).splitlines()

    return change
