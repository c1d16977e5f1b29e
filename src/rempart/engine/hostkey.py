"""Pinned host keys: one OpenSSH ``known_hosts`` file per host, looked up by ``practice/host``.

Promise: what stands in a pin file came from a person's confirmation (``rempart enroll``), is
replaced in one rename, and nothing here ever accepts a key because it was the first one seen.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from paramiko import HostKeys, PKey, SSHException
from paramiko.hostkeys import HostKeyEntry

from rempart.errors import RempartError

# Best first: the order in which an unknown host is asked for the key that will be pinned.
PREFERRED = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")
# RFC 8332: an RSA key signs with SHA-2; the plain ssh-rsa signature is SHA-1 and is not offered.
RSA_SIGNATURES = ("rsa-sha2-512", "rsa-sha2-256")


class HostKeyError(RempartError):
    """A pin file is missing, damaged or has no key for the host."""


def pinned(known_hosts: Path, name: str) -> list[PKey]:
    """Return the keys pinned for ``name`` (``practice/host``), one per key type.

    Raises:
        HostKeyError: no key is pinned, or the file cannot be read.
    """
    entries = HostKeys()
    try:
        entries.load(str(known_hosts))
    except FileNotFoundError:
        pass
    except (OSError, ValueError, SSHException) as error:
        raise HostKeyError(
            f"{name}: {known_hosts}: cannot be read as known_hosts (got {error}); "
            "restore it from your copy, or compare the fingerprint and enrol the host again"
        ) from error
    keys = list((entries.lookup(name) or {}).values())
    if not keys:
        raise HostKeyError(
            f"{name}: {known_hosts}: no pinned host key; run 'rempart enroll' for this host first"
        )
    return keys


def pin(known_hosts: Path, name: str, key: PKey) -> None:
    """Write ``key`` as the only pinned key of ``name``: public data, mode 0644, one rename.

    Raises:
        HostKeyError: the file cannot be written; it is as it was.
    """
    try:
        known_hosts.parent.mkdir(parents=True, exist_ok=True)
        _replace(known_hosts, HostKeyEntry([name], key).to_line() or "")
    except OSError as error:
        raise HostKeyError(
            f"{name}: {known_hosts}: cannot be written (got {error.strerror}); "
            "make its folder writable and enrol the host again"
        ) from error


def _replace(known_hosts: Path, text: str) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=known_hosts.parent, prefix=f".{known_hosts.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            os.fchmod(file.fileno(), 0o644)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(known_hosts)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def signatures(keys: list[PKey]) -> list[str]:
    """Return the host key algorithms with which these keys, and no others, can sign.

    Example: an Ed25519 key gives ``["ssh-ed25519"]``.
    """
    names = [key.get_name() for key in keys]
    plain = [name for name in names if name != "ssh-rsa"]
    return plain + (list(RSA_SIGNATURES) if "ssh-rsa" in names else [])
