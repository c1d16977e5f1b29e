"""A practice at `enhanced` in which people work: a desk, a server, a stranger."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import practice

from lab.host import Host
from lab.session import Session

LOGIN, PASSWORD = "m.durand", "Voit-la-Mer-9-fois"
TECHNICIAN, TECHNICIANS = "t.leroy", "Grand-Air-8-matins"
INSTALL = "DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends"

WINDOW_S = 300

SEALS = "/var/lib/rempart-seals"
COMPARED = f"systemctl start rempart-seals && cat {SEALS}/findings"


@dataclass
class Office:
    """`t/desk` is a workstation with Xfce, `t/srv` a server; both hardened before anybody works."""

    desk: Host
    server: Host
    inventory: Path

    def administer(self, host: Host, script: str) -> str:
        """Run sh as the technician does: logged in, on a terminal, with sudo and his password.

        What sudo runs there has its strict umask, as everything an administrator makes.
        """
        host.run("cat > /root/work.sh", input=f"set -e\nexport LC_ALL=C.UTF-8\n{script}\n")
        login = f"runuser -l {TECHNICIAN} -c 'sudo -S sh /root/work.sh'"
        said = host.run(
            f"script -qec {shlex.quote(login)} /dev/null",
            input=f"{TECHNICIANS}\n", check=False, timeout_s=900,
        )  # fmt: skip
        assert said.returncode == 0, said.stdout + said.stderr
        return said.stdout

    def open(self, services: Sequence[Mapping[str, Any]]) -> None:
        """Name services in the policy, as in the YAML, and apply it."""
        practice.edit(self.inventory, lambda data: data["firewall"]["services"].extend(services))
        self.apply()

    def apply(self) -> None:
        # A busy machine has more to do than the usual minute has room for.
        done = practice.rempart(
            "apply", self.inventory, "--yes", "--window", WINDOW_S, timeout_s=1800
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def accept(self, host: Host) -> None:
        """Accept what was installed by hand, as an administrator who has read what was found.

        A comparison that is under way may have begun before: the second one has seen it all.
        """
        host.run(f"{COMPARED}; {COMPARED}; touch {SEALS}/accept; {COMPARED}", timeout_s=900)

    def verify(self, host: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run `rempart verify` on one host."""
        return practice.rempart(
            "verify", self.inventory, "--host", host, *arguments, timeout_s=1800
        )


def as_user(host: Host, command: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command as the practitioner, in a login shell of hers."""
    return host.run(f"runuser -l {LOGIN} -c {shlex.quote(command)}", **options)


def outsider_reaches(host: Host, port: int) -> bool:
    """Tell whether a machine of the network that the policy does not name opens a TCP port.

    That it has a way to the host at all is tried first.
    """
    ping = [*Session.outsider, "ping", "-c", "1", "-W", "10", host.address]
    subprocess.run(ping, check=True, capture_output=True)
    knock = f"timeout 5 bash -c ': < /dev/tcp/{host.address}/{port}'"
    done = subprocess.run(
        [*Session.outsider, "sh", "-c", knock], capture_output=True, check=False, timeout=30
    )
    return done.returncode == 0
