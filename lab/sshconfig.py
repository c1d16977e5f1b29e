"""How to log in to the hosts as people do: pinned host keys, the jump host, the lab's keys."""

from lab import machine, place, secret
from lab.process import run
from lab.topology import HostSpec, find

CONFIG = place.STATE / "ssh_config"
_KNOWN_HOSTS = place.STATE / "known_hosts"

LOGINS = (("rempart", "automation"), ("t.leroy", "t.leroy"))
"""(login, key pair) that may be let in once a host is hardened; before, `admin` has a password."""


def write() -> None:
    """Write ssh_config(5) and one known_hosts file for each host that has a disk."""
    with machine.lock("sshconfig"):
        _write()


def command(spec: HostSpec, login: str, remote: list[str]) -> list[str]:
    """Return the ssh command for `login`, by way of the jump host where there is one."""
    jump = ["-J", f"{login}@{spec.jump}"] if spec.jump else []
    return ["ssh", "-F", str(CONFIG), *jump, "-l", login, spec.identity, *remote]


def accepted_login(spec: HostSpec) -> str:
    """Return the first login the host lets in with a key of the lab, or nothing."""
    for login, _ in LOGINS:
        if run(command(spec, login, ["true"]), check=False).returncode == 0:
            return login
    return ""


def _write() -> None:
    _KNOWN_HOSTS.mkdir(mode=0o700, exist_ok=True)
    specs = [find(path.read_text()) for path in sorted(place.HOSTS.glob("*/identity"))]
    for spec in specs:
        lines = secret.host_key_lines(spec)
        (_KNOWN_HOSTS / spec.slug).write_text("\n".join(lines) + "\n")
    blocks = [*(_host_block(spec) for spec in specs), *(_login_block(*pair) for pair in LOGINS)]
    blocks.append("Match all\n    StrictHostKeyChecking yes\n")
    CONFIG.write_text("\n".join(blocks))


def _host_block(spec: HostSpec) -> str:
    return (
        f"Host {spec.identity}\n"
        f"    HostName {spec.network.address(spec.number)}\n"
        f"    UserKnownHostsFile {_KNOWN_HOSTS / spec.slug}\n"
    )


def _login_block(login: str, key: str) -> str:
    # In the file and not on the command line, so that it holds for the jump host too.
    return f"Match user {login}\n    IdentityFile {place.KEYS / key}\n    IdentitiesOnly yes\n"
