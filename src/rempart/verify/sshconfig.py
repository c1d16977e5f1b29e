"""The ssh_config(5) with which the checks reach a practice's hosts: pinned keys at every hop."""

from __future__ import annotations

import re
from pathlib import Path

from rempart.engine.route import Route
from rempart.errors import RempartError
from rempart.policy import Host, Policy

_COMMON = """\
Host *
    IdentitiesOnly yes
    IdentityAgent none
    PreferredAuthentications publickey
    BatchMode yes
    StrictHostKeyChecking yes
    GlobalKnownHostsFile /dev/null
    UpdateHostKeys no
    VerifyHostKeyDNS no
    CheckHostIP no
    ForwardAgent no
    ForwardX11 no
    RequestTTY no
    ConnectTimeout 10
    ServerAliveInterval 15
    ServerAliveCountMax 3
    LogLevel ERROR
    ControlMaster auto
    ControlPath "{sockets}/%C"
    ControlPersist 30
"""


def write(policy: Policy, folder: Path) -> Path:
    """Write the file for all hosts of the practice into ``folder``, a private one; return it.

    A host's alias is its name in the practice. The sockets of shared connections lie there too.

    Raises:
        RempartError: a path that cannot be written so that ssh reads it.
    """
    blocks = [_host(policy, host) for host in policy.hosts]
    file = folder / "ssh_config"
    file.write_text("\n".join([*blocks, _COMMON.format(sockets=folder)]))
    return file


def _host(policy: Policy, host: Host) -> str:
    route: Route = policy.route(host)
    lines = [
        f"Host {host.name}",
        f"HostName {route.address}",
        f"Port {route.port}",
        f"User {route.user}",
        f"IdentityFile {_quoted(route.key_file)}",
        f"HostKeyAlias {route.name}",
        f"UserKnownHostsFile {_quoted(route.known_hosts)}",
        *([f"ProxyJump {host.jump}"] if host.jump else []),
    ]
    return "\n    ".join(lines) + "\n"


def _quoted(path: Path) -> str:
    """Return a path as one word; ssh reads quotes, backslashes, %TOKENS and ${VARIABLES} in it."""
    if "${" in str(path):
        raise RempartError(f"verify: {path}: ssh cannot read a path with '${{' in it; rename it")
    return '"' + re.sub(r'["\\]', r"\\\g<0>", str(path)).replace("%", "%%") + '"'
