"""SSH: keys only, from known groups, with modern algorithms (SS-1, SS-2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

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

CHECK = f"""
include='^[[:space:]]*Include[[:space:]]+"?/etc/ssh/sshd_config\\.d/'
grep -Eqi "$include"'\\*\\.conf' /etc/ssh/sshd_config || {{
  echo '/etc/ssh/sshd_config does not include sshd_config.d; put the stock Include line back' >&2
  exit 1
}}
mkdir -p -m 755 /run/sshd
full=$(mktemp)
{{
  printf 'Include %s\\n' "$CANDIDATE"
  for file in /etc/ssh/sshd_config.d/*.conf; do
    [ ! -e "$file" ] || [ "$file" = "$TARGET" ] || printf 'Include %s\\n' "$file"
  done
  grep -Evi "$include" /etc/ssh/sshd_config
}} > "$full"
sshd -t -f "$full" && sshd -T -f "$full" | grep -qx 'allowgroups {SSH_GROUP}'
result=$?
rm -f "$full"
exit $result
"""
"""sshd's own check of the whole configuration as it would be with the new file in its place."""


def desired(policy: Policy, host: Host, traits: Traits, today: date) -> Sequence[Resource]:
    """Return sshd's drop-in and the reload that makes it count."""
    automation = policy.provider.automation.user
    technicians = [technician.login for technician in policy.provider.technicians]
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
        jump_users=[automation, *technicians],
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
            check=CHECK,
        ),
        Unit(concern="ssh", controls=("SS-1",), risky=True, unit="ssh.service"),
    ]


def _has_penalties(traits: Traits) -> bool:
    """Return whether sshd knows PerSourcePenalties: OpenSSH 9.8, so Debian 13."""
    return traits.os == "debian" and int(traits.release) >= 13


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address
