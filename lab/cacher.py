"""apt for the hosts: the machine's own mirrors, through one cache on the practice's network.

Hosts have no way out but this proxy. The mirrors are whatever this machine's apt uses, read when
needed; the repository names none.
"""

import functools
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from lab import cgroup
from lab.errors import LabError
from lab.place import CACHE
from lab.process import run
from lab.requirements import program
from lab.topology import MACHINE_ADDRESS

PORT = 3143  # not Debian's 3142: a package just installed may already listen there
GROUP = "apt-cacher"
_CONFIG = CACHE / "apt-cacher-ng"
_USER = "apt-cacher-ng"  # made by the package


@dataclass(frozen=True)
class Mirrors:
    """Where packages come from, without a slash at the end."""

    main: str
    security: str

    def sources(self, suite: str) -> str:
        """Return the sources.list that Debian's installer writes for `suite`."""
        components = "main non-free-firmware"
        return (
            f"deb {self.main} {suite} {components}\n"
            f"deb {self.security} {suite}-security {components}\n"
            f"deb {self.main} {suite}-updates {components}\n"
        )


@functools.cache
def mirrors() -> Mirrors:
    """Return this machine's Debian mirrors; raises LabError if its apt knows none."""
    wanted = ["Created-By: Packages", "Component: main", "Origin: Debian"]
    listed = run(["apt-get", "indextargets", "--format", "$(LABEL)|$(REPO_URI)", *wanted]).stdout
    found = dict(line.split("|", 1) for line in reversed(listed.splitlines()))
    if not {"Debian", "Debian-Security"} <= found.keys():
        raise LabError(
            "lab: /etc/apt: no Debian mirror with its security updates is known "
            f"(got {sorted(found)}); run apt-get update on a Debian machine"
        )
    return Mirrors(found["Debian"].rstrip("/"), found["Debian-Security"].rstrip("/"))


def url() -> str:
    """Return the proxy's address as hosts use it."""
    return f"http://{MACHINE_ADDRESS}:{PORT}"


def make() -> None:
    """Start the cache if it does not answer."""
    if _answers():
        return
    cgroup.remove(GROUP)
    _configure()
    identity = [f"--reuid={_USER}", f"--regid={_USER}", "--init-groups"]
    command = [program("setpriv"), *identity, program("apt-cacher-ng"), "-c", str(_CONFIG)]
    with (_CONFIG / "output").open("w") as output:
        child = subprocess.Popen(
            cgroup.joining(GROUP, command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + 10
    while not _answers():
        if child.poll() is not None or time.monotonic() > deadline:
            raise LabError(
                f"lab: apt-cacher-ng: does not answer on {url()} (exit {child.poll()}); "
                f"read {_CONFIG}/output"
            )
        time.sleep(0.05)


def _configure() -> None:
    lines = [
        f"CacheDir: {CACHE / 'apt'}",
        f"LogDir: {_CONFIG / 'log'}",
        f"BindAddress: {MACHINE_ADDRESS}",
        f"Port: {PORT}",
        "ForeGround: 1",
    ]
    # Hosts reach a mirror that speaks only https by CONNECT, and nothing else.
    names = {urlsplit(uri) for uri in vars(mirrors()).values()}
    secure = sorted({part.netloc for part in names if part.scheme == "https"})
    if secure:
        lines.append(f"PassThroughPattern: ^({'|'.join(secure)}):443$".replace(".", "[.]"))
    upstream = run(["apt-config", "--format", "%v%n", "dump", "Acquire::http::Proxy"]).stdout
    if upstream.strip():
        lines.append(f"Proxy: {upstream.split()[-1]}")
    for folder in (_CONFIG, _CONFIG / "log", CACHE / "apt"):
        folder.mkdir(parents=True, exist_ok=True)
        shutil.chown(folder, _USER, _USER)
    Path(_CONFIG / "acng.conf").write_text("\n".join(lines) + "\n")


def _answers() -> bool:
    try:
        with socket.create_connection((MACHINE_ADDRESS, PORT), timeout=1):
            return True
    except OSError:
        return False
