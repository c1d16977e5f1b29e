"""What the lab needs from the machine, checked before anything is touched."""

import os
import shutil
import sys

from lab.errors import LabError

PACKAGES = {
    "mmdebstrap": "mmdebstrap",
    "systemd-nspawn": "systemd-container",
    "ip": "iproute2",
    "ping": "iputils-ping",
    "nft": "nftables",
    "apt-cacher-ng": "apt-cacher-ng",
    "ssh-keygen": "openssh-client",
    "restic": "restic",
    "age": "age",
    "cvtsudoers": "sudo",
    "sshd": "openssh-server",
    "pdftotext": "poppler-utils",
    "zbarimg": "zbar-tools",
}
"""Command -> the Debian package that brings it."""


def check() -> None:
    """Raise LabError unless this is root, with every command at hand."""
    if os.geteuid() != 0:
        raise LabError(f"lab: this machine: needs root (got uid {os.geteuid()}); run it with sudo")
    missing = sorted(package for command, package in PACKAGES.items() if not shutil.which(command))
    if missing:
        raise LabError(
            f"lab: this machine: Debian packages are missing (got no {', '.join(missing)}); "
            f"apt-get install {' '.join(missing)}"
        )


if __name__ == "__main__":
    # `make` reads the list from here: apt-get install $(python -m lab.requirements)
    sys.stdout.write(" ".join(sorted(PACKAGES.values())) + "\n")
