"""A practice in a repository, its technicians, the controllers they work on, and an attacker."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyrage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from rempart.policy import Policy, load
from rempart.vault import Identity, Memory, Recipient, Vault, vault_path
from rempart.vault.recipient import technicians

NOW = datetime.datetime(2026, 3, 2, 12, 0, tzinfo=datetime.UTC)
TODAY = NOW.date()
AUTOMATION = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHSI2gdZ/fnLVhCT19exUwrr2d46WoxFjh6gIy8DxIZ9"
PRACTICE = """\
practice:
  name: {name}
  title: Cabinet
provider: provider.yaml
hosts:
  - name: ws-1
    role: workstation
    address: 192.0.2.11
"""


def days(number: int) -> datetime.datetime:
    return NOW + datetime.timedelta(days=number)


def private(login: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(login.encode()).digest())


def public(login: str) -> str:
    key = private(login).public_key()
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def pem(login: str, passphrase: str = "") -> bytes:
    how = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return private(login).private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, how)


def identity(login: str) -> Identity:
    return Identity(public(login), pyrage.ssh.Identity.from_buffer(pem(login)), private(login))


LEROY, GARNIER, MALLORY = (identity(name) for name in ("t.leroy", "n.garnier", "mallory"))
PAPER_KEY = pyrage.x25519.Identity.generate()
PAPER = Identity(str(PAPER_KEY.to_public()), PAPER_KEY)
OFFLINE = Recipient(name="coffre", kind="offline", key=PAPER.key)
TECHNICIANS = ("t.leroy", "n.garnier")


def technician(login: str, until: str = "", key: str = "") -> str:
    lines = [f"  - login: {login}", "    name: Somebody"]
    lines += [f"    until: {until}"] * bool(until)
    return "\n".join([*lines, "    keys:", f"      - key: {key or public(login)} {login}", ""])


@dataclass(frozen=True)
class Cabinet:
    """A practice's files, which an attacker may write, and a controller's memory, which not."""

    folder: Path
    memory: Memory
    name: str = "durand"

    def write(self, *entries: str) -> None:
        """Write the policy, with these technicians."""
        self.folder.mkdir(exist_ok=True)
        head = "name: Alpes\nmanagement: [203.0.113.10/32]\nautomation:\n  key: keys/automation\n"
        provider = f"{head}  public_key: {AUTOMATION}\ntechnicians:\n{''.join(entries)}"
        (self.folder / "provider.yaml").write_text(provider)
        (self.folder / f"{self.name}.yaml").write_text(PRACTICE.format(name=self.name))

    @property
    def policy(self) -> Policy:
        return load(self.folder / f"{self.name}.yaml")

    @property
    def file(self) -> Path:
        return vault_path(self.policy)

    def elsewhere(self) -> Cabinet:
        """Return the same repository on another controller, which has seen nothing yet."""
        return Cabinet(self.folder, Memory(self.memory.folder.with_name("elsewhere")), self.name)

    def make(self, *who: Identity) -> Vault:
        recipients = (*technicians(self.policy, TODAY), OFFLINE)
        return Vault.new(self.policy, who or (LEROY,), recipients, NOW, self.memory)

    def open(self, *who: Identity, today: datetime.date = TODAY) -> Vault:
        return Vault.open(self.policy, who or (LEROY,), today, self.memory)


def cabinet(folder: Path, name: str = "durand", logins: Sequence[str] = TECHNICIANS) -> Cabinet:
    """Return a practice in a folder of its own."""
    made = Cabinet(folder / name, Memory(folder / "memory"), name)
    made.write(*map(technician, logins))
    return made
