"""The machines' host keys and passwords, and the keys of those who log in: made here, once.

`vagrant up` makes them before it starts and brings them into the machines; so the controller knows
each host's key from the start and pins it, and no key that others have stays in a machine. They
belong to this checkout (`.vagrant/rempart`, its owner's alone).
"""

import fcntl
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path

from lab.errors import LabError
from lab.secret import HOST_KEY_TYPES, make_pair

_REPOSITORY = Path(__file__).parents[1]
FOLDER = _REPOSITORY / ".vagrant/rempart"
KNOWN_HOSTS = _REPOSITORY / "inventories/known_hosts/vagrant"
"""Where rempart looks for the pinned keys of practice `vagrant`."""

PEOPLE = ("automation", "vagrant", "t.leroy", "m.durand")
"""Who has a key pair, below FOLDER/keys."""


def make(names: Iterable[str]) -> None:
    """Make what is missing for the machines of these names, and pin their host keys."""
    FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (FOLDER / "keys").mkdir(exist_ok=True)
        for person in PEOPLE:
            make_pair(FOLDER / "keys" / person, "ed25519", person)
        for name in names:
            _make_host(name)


def password(name: str) -> str:
    """Return the password of `admin`, whom the machine's installer made."""
    file = FOLDER / "hosts" / name / "password"
    if not file.exists():
        raise LabError(f"vm: {name}: has no password yet; run `make vm-up` or `vagrant up {name}`")
    return file.read_text().strip()


def _make_host(name: str) -> None:
    """Make the folder that provision.sh finds in the machine, and pin the key that is in it."""
    folder = FOLDER / "hosts" / name
    folder.mkdir(parents=True, exist_ok=True)
    for kind in HOST_KEY_TYPES:
        make_pair(folder / f"ssh_host_{kind}_key", kind, f"root@{name}")
    if not (folder / "password").exists():
        (folder / "password").write_text(f"{secrets.token_urlsafe(12)}\n")
    shutil.copy(FOLDER / "keys/vagrant.pub", folder / "authorized_keys")
    KNOWN_HOSTS.mkdir(parents=True, exist_ok=True)
    kind, key = (folder / "ssh_host_ed25519_key.pub").read_text().split()[:2]
    (KNOWN_HOSTS / name).write_text(f"vagrant/{name} {kind} {key}\n")
