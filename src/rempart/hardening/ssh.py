"""SSH: keys only, from known groups, with modern algorithms (SS-1, SS-2)."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from rempart.backup.place import INGEST_GROUP, INGEST_KEYS, places_on
from rempart.hardening.accounts import SSH_GROUP
from rempart.policy import Host, Policy, Traits
from rempart.resources import File, Resource, Unit
from rempart.template import render

DROP_IN = "/etc/ssh/sshd_config.d/00-rempart.conf"

# Every list holds at least one algorithm of the controller's own library (paramiko) and of
# OpenSSH 7.4. No chacha20-poly1305 and no CBC: with encrypt-then-MAC both are open to Terrapin.
KEX = (
    "sntrup761x25519-sha512@openssh.com",
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512",
)
CIPHERS = (
    "aes256-gcm@openssh.com",
    "aes128-gcm@openssh.com",
    "aes256-ctr",
    "aes192-ctr",
    "aes128-ctr",
)
MACS = ("hmac-sha2-512-etm@openssh.com", "hmac-sha2-256-etm@openssh.com")
HOST_KEY_ALGORITHMS = ("ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256")
KEY_ALGORITHMS = (
    "sk-ssh-ed25519@openssh.com",
    "ssh-ed25519",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)

CHECK = Path(__file__).with_name("sshd_check.sh").read_text(encoding="utf-8")
"""sshd's own check of the whole configuration as it would be with the new file in its place, for
everybody and for those who must get in; ``_judged`` says to it who that is."""


def desired(policy: Policy, host: Host, traits: Traits, today: date) -> Sequence[Resource]:
    """Return sshd's drop-in and the reload that makes it count."""
    automation = policy.provider.automation.user
    technicians = [technician.login for technician in policy.technicians(today)]
    behind = [other for other in policy.hosts if other.jump == host.name]
    content = render(
        DROP_IN,
        group=SSH_GROUP,
        kex=KEX,
        ciphers=CIPHERS,
        macs=MACS,
        host_key_algorithms=HOST_KEY_ALGORITHMS,
        key_algorithms=KEY_ALGORITHMS,
        exempt=policy.automation_sources(host) if _has_penalties(traits) else (),
        jump_users=sorted([automation, *technicians]),
        ingest_group=INGEST_GROUP if places_on(policy, host) else None,
        ingest_keys=INGEST_KEYS,
        jump_targets=sorted(f"{_bracketed(str(h.address))}:{h.port}" for h in behind),
    )
    return [
        File(
            concern="ssh",
            controls=("SS-1", "SS-2"),
            risky=True,
            reloads=("ssh.service",),
            path=DROP_IN,
            content=content,
            check=_judged(automation, technicians) + CHECK,
        ),
        Unit(concern="ssh", controls=("SS-1", "SS-2"), risky=True, unit="ssh.service"),
    ]


def _judged(automation: str, technicians: Sequence[str]) -> str:
    names = {
        "automation": automation,
        "technicians": " ".join(sorted(technicians)),
        "group": SSH_GROUP,
    }
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in names.items())


def _has_penalties(traits: Traits) -> bool:
    """Return whether sshd knows PerSourcePenalties: OpenSSH 9.8, so Debian 13."""
    return traits.os == "debian" and int(traits.release) >= 13


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address
