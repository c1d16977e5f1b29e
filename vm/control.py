"""Bringing the machines up and taking them down, whole."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from lab.errors import LabError
from lab.requirements import program
from vm import daemons
from vm.tool import run

_REPOSITORY = Path(__file__).parents[1]
PREFIX = "rempart-vm-"
"""Domains and networks that Vagrantfile names so are ours."""

_BOXES = "rempart-VAGRANTSLASH-"


def up(hosts: Sequence[str]) -> None:
    """Start libvirt where nobody has, and have Vagrant boot the hosts; all, if none is named.

    If that fails, what was started here is taken down again.
    """
    started = daemons.start()
    try:
        command = [program("vagrant"), "up", "--no-parallel", "--provider", "libvirt", *hosts]
        done = subprocess.run(command, cwd=_REPOSITORY, check=False)
        if done.returncode != 0:
            raise LabError(f"vm: vagrant up: exit {done.returncode}; read what it said above")
    except BaseException:
        if started:
            down()
        raise


def down() -> None:
    """Remove machines, networks and disks, by their names and not by anybody's memory.

    The daemons too, and what they left behind, if they were started here.
    """
    if daemons.answer():
        _remove_all()
    daemons.stop()
    for folder in (_REPOSITORY / ".vagrant/machines").glob("*/libvirt"):
        shutil.rmtree(folder)


def _remove_all() -> None:
    for domain in _listed("list", "--all", "--name"):
        if domain.startswith(PREFIX):
            _virsh("destroy", domain, check=False)  # refused if it is off
            _virsh("undefine", domain, "--remove-all-storage", "--snapshots-metadata")
    for network in _listed("net-list", "--all", "--name"):
        if network.startswith(PREFIX.rstrip("-")):
            _virsh("net-destroy", network, check=False)
            _virsh("net-undefine", network)
    for pool in _listed("pool-list", "--name"):
        for volume in _listed("vol-list", pool):
            if volume.startswith(_BOXES):
                _virsh("vol-delete", volume, "--pool", pool)
        if daemons.brought(f"/etc/libvirt/storage/{pool}.xml") and not _listed("vol-list", pool):
            _virsh("pool-destroy", pool)
            _virsh("pool-undefine", pool)


def _listed(*words: str) -> list[str]:
    """Return the first word of each line that virsh prints."""
    return [line.split()[0] for line in _virsh(*words).splitlines() if line.strip()]


def _virsh(*words: str, check: bool = True) -> str:
    return run(["virsh", "-q", "-c", daemons.URI, *words], check=check).stdout
