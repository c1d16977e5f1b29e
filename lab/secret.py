"""The lab's keys and passwords: made at random once, kept until `down --purge`, 0600 at birth."""

import json
import os
import secrets
import string
from pathlib import Path

from lab import machine, place
from lab.process import run
from lab.topology import HostSpec

PEOPLE = ("automation", "t.leroy", "m.durand", "stranger")
"""Who has a key pair; the stranger's is for logins that must be refused."""

HOST_KEY_TYPES = ("ed25519", "ecdsa", "rsa")
"""What openssh-server's installation makes."""


def make_people_keys() -> None:
    """Make an ed25519 pair for everyone in PEOPLE who has none."""
    for person in PEOPLE:
        make_pair(place.KEYS / person, "ed25519", person)


def host_keys(spec: HostSpec) -> Path:
    """Return the folder with the host's own key pairs; the same ones for ever, resets included."""
    folder = place.IDENTITIES / spec.slug
    with machine.lock(f"keys-{spec.slug}"):
        folder.mkdir(mode=0o700, exist_ok=True)
        for kind in HOST_KEY_TYPES:
            make_pair(folder / f"ssh_host_{kind}_key", kind, f"root@{spec.hostname}")
    return folder


def host_key_lines(spec: HostSpec) -> list[str]:
    """Return the host's lines for a known_hosts file, both addresses on each (sshd(8))."""
    number = spec.number
    addresses = [spec.network.address(number), spec.network.address6(number)]
    names = ",".join(filter(None, addresses))
    publics = [host_keys(spec) / f"ssh_host_{kind}_key.pub" for kind in HOST_KEY_TYPES]
    return [f"{names} {' '.join(file.read_text().split()[:2])}" for file in publics]


def fingerprint(spec: HostSpec) -> str:
    """Return the SHA256 fingerprint of the host's ed25519 key."""
    public = host_keys(spec) / "ssh_host_ed25519_key.pub"
    return run(["ssh-keygen", "-l", "-E", "sha256", "-f", str(public)]).stdout.split()[1]


def passwords(spec: HostSpec) -> dict[str, str]:
    """Return the host's passwords, {"admin": …, "root": …}, made at the first call."""
    with machine.lock("passwords"):
        known: dict[str, dict[str, str]] = {}
        if place.PASSWORDS.exists():
            known = json.loads(place.PASSWORDS.read_text())
        if spec.identity not in known:
            known[spec.identity] = {login: _password() for login in ("admin", "root")}
            _write_private(place.PASSWORDS, json.dumps(known, indent=2) + "\n")
        return known[spec.identity]


def _password() -> str:
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(16))


def _write_private(path: Path, text: str) -> None:
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path)


def make_pair(path: Path, kind: str, comment: str) -> None:
    """Make a pair unless there is one; the private half appears last: half a pair is none."""
    if path.exists():
        return
    draft = path.with_name(f".{path.name}")
    draft.unlink(missing_ok=True)
    run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", comment, "-f", str(draft)])
    draft.with_name(f"{draft.name}.pub").replace(path.with_name(f"{path.name}.pub"))
    draft.replace(path)
