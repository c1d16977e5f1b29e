"""Reading ``sshd -T``, and which algorithms are modern: verify's own list."""

from __future__ import annotations

import math
from collections.abc import Iterable
from ipaddress import ip_address, ip_network

from rempart.verify.machine import AnswerError

Settings = dict[str, str]
"""Lower-case keyword -> value; a keyword that stands on several lines has them joined by spaces."""

_MODERN = {
    # Key exchange: no SHA-1, no 2048-bit group (RGS annex B1 asks for 3072 bits beyond 2030).
    *("mlkem768x25519-sha256", "sntrup761x25519-sha512", "sntrup761x25519-sha512@openssh.com"),
    *("curve25519-sha256", "curve25519-sha256@libssh.org"),
    *("ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521"),
    *("diffie-hellman-group16-sha512", "diffie-hellman-group18-sha512"),
    # No algorithms, but announcements (RFC 8308; Terrapin's strict key exchange).
    *("ext-info-s", "kex-strict-s-v00@openssh.com"),
    # Host and user keys.
    *("ssh-ed25519", "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"),
    *("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    *("rsa-sha2-512", "rsa-sha2-256"),
    # Ciphers: authenticated ones and CTR; no CBC, 3DES, arcfour.
    *("chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com", "aes128-gcm@openssh.com"),
    *("aes256-ctr", "aes192-ctr", "aes128-ctr"),
    # MACs: SHA-2 with full-length tags.
    *("hmac-sha2-512-etm@openssh.com", "hmac-sha2-256-etm@openssh.com"),
    *("hmac-sha2-512", "hmac-sha2-256"),
}

ALGORITHM_SETTINGS = (
    "kexalgorithms",
    "ciphers",
    "macs",
    "hostkeyalgorithms",
    "pubkeyacceptedalgorithms",
)

KEYS_ONLY = {
    "pubkeyauthentication": "yes",
    "authenticationmethods": "publickey",
    "passwordauthentication": "no",
    "kbdinteractiveauthentication": "no",
    "gssapiauthentication": "no",
    "kerberosauthentication": "no",
    "hostbasedauthentication": "no",
    "permitemptypasswords": "no",
    "permitrootlogin": "no",
}
ROOT_OWNED_KEYS = {
    "authorizedkeysfile": "/etc/ssh/authorized_keys.d/%u",
    "authorizedkeyscommand": "none",
    "trustedusercakeys": "none",
    "authorizedprincipalscommand": "none",
}
NO_DETOURS = {
    "allowagentforwarding": "no",
    "allowstreamlocalforwarding": "no",
    "gatewayports": "no",
    "permittunnel": "no",
    "permituserenvironment": "no",
    "permituserrc": "no",
    "x11forwarding": "no",
}
PLAIN = {"compression": "no", "tcpkeepalive": "no"}
LONGEST_GONE_S = 600

MOST_EXEMPT = 1_000
"""Networks of an exempt list that are read."""

_MARK = "=== "


def effective_command(logins: Iterable[str], connections: Iterable[str]) -> str:
    """Return the shell command that asks ``sshd -T`` for every login on every connection.

    A connection is ``addr=…,laddr=…,lport=…``, sshd(8), -C. Logins come from a host: `safe_logins`.
    """
    asked = [f"user={login},host=none,{c}" for login in logins for c in connections]
    return "\n".join(f"echo '{_MARK}{each}'; sshd -T -C '{each}' || exit 1" for each in asked)


def gone_after_s(settings: Settings) -> int:
    """Return after how many seconds a client that is gone is let go; 0 for never.

    >>> gone_after_s({"clientaliveinterval": "120", "clientalivecountmax": "2"})
    240
    """
    words = (settings.get(f"clientalive{each}", "") for each in ("interval", "countmax"))
    return math.prod(int(word) if word.isdecimal() else 0 for word in words)


def parse_effective(answer: str) -> dict[str, Settings]:
    """Return the settings by login; where connections differ, as ``login (addr)`` each.

    Raises:
        AnswerError: an answer that holds no complete configuration.
    """
    found: dict[str, Settings] = {}
    for part in answer.split(_MARK)[1:]:
        head, _, body = part.partition("\n")
        specification = dict(item.split("=", 1) for item in head.split(",") if "=" in item)
        settings = parse_settings(body)
        found[f"{specification.get('user')} from {specification.get('addr')}"] = settings
    if not found:
        raise AnswerError("sshd -T: it said nothing; run it on the host")
    return found


def parse_settings(text: str) -> Settings:
    """Return what one ``sshd -T`` says; AnswerError when it is no complete configuration."""
    values: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        values.setdefault(key, []).append(value)
    settings = {key: " ".join(each) for key, each in values.items()}
    if not {"port", "passwordauthentication", "authorizedkeysfile"} <= settings.keys():
        raise AnswerError(f"sshd -T: is no configuration (got {text[:100]!r})")
    return settings


def shuts_out(settings: Settings, source: str) -> bool:
    """Return whether refused logins would make sshd shut out that address for a while.

    sshd_config(5), PerSourcePenalties: from OpenSSH 9.8, so Debian 13, on.
    """
    if settings.get("persourcepenalties", "no") == "no":
        return False
    exempt = settings.get("persourcepenaltyexemptlist", "none").split(",", MOST_EXEMPT)[
        :MOST_EXEMPT
    ]
    networks = [ip_network(each, strict=False) for each in exempt if "/" in each]
    return not any(ip_address(source) in network for network in networks)


def outdated(algorithms: Iterable[str]) -> list[str]:
    """Return those that are not on the list of modern ones."""
    return sorted(
        name
        for name in algorithms
        if name.replace("-cert-v01@openssh.com", "") not in _MODERN
        and name.replace("-cert-v01@", "@") not in _MODERN
    )
