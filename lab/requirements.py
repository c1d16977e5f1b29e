"""The programs of this machine that lab, tests, bench and scores call, and what brings them.

What runs inside a host is not in the list: the host has it. `python3 -m lab.requirements` prints
the Debian packages that are missing; `make setup` installs them. `… vm` prints those that only the
virtual machines need; `make vm-box` installs them. To see that the list is whole, run anything with
a PATH that has the listed programs and nothing else:

    python3 -m lab.requirements --links /var/tmp/programs
    env PATH=/var/tmp/programs make test
"""

import importlib.util
import os
import pwd
import shutil
import sys
from pathlib import Path

from lab.errors import LabError

PROGRAMS = {
    "age": "age",
    "apt": "apt-config apt-get",
    "apt-cacher-ng": "apt-cacher-ng",
    "bash": "bash",
    "binutils": "as ld",  # cc calls them
    "coreutils": "base64 cat chmod chown chroot cp cut date dirname env expand head id install ln "
    "ls md5sum mkdir mktemp mv readlink rm rmdir sha256sum sleep sort stat sync tac tail tee test "
    "touch tr true uniq wc yes",
    "dash": "dash sh",
    "dpkg": "dpkg",  # mmdebstrap calls it
    "findutils": "find xargs",
    "gcc": "cc",
    "git": "git",
    "grep": "grep",
    "iproute2": "ip",
    "libc-bin": "getent",
    "make": "make",
    "mawk": "awk",
    "mmdebstrap": "mmdebstrap",
    "mount": "mount umount",
    "nftables": "nft",
    "openssh-client": "ssh ssh-keygen ssh-keyscan",
    "procps": "pkill ps sysctl",
    "python3": "python3",
    "sed": "sed",
    "shellcheck": "shellcheck",
    "systemd-container": "systemd-nspawn",
    "util-linux": "flock nsenter setpriv unshare",
}
"""Debian package -> its programs that we call.

Not all that mmdebstrap calls, such as tar: it soon adds Debian's own folders to PATH by itself.
"""

VM = {
    "dnsmasq-base": "dnsmasq",  # libvirtd calls it
    "e2fsprogs": "mke2fs",
    "iptables": "ip6tables iptables",
    "libvirt-clients": "virsh",
    "libvirt-daemon": "libvirtd virtlogd",
    "qemu-system-x86": "qemu-system-x86_64",
    "qemu-utils": "qemu-img",
    "vagrant": "vagrant",
}
"""As PROGRAMS: what vm/ calls besides."""


def _has_venv() -> bool:
    return importlib.util.find_spec("ensurepip") is not None


def _has_headers() -> bool:
    return Path("/usr/include/stdlib.h").exists()


def _has_qemu_user() -> bool:
    """Tell whether libvirtd, which refuses to start without the account, may start."""
    return any(account.pw_name == "libvirt-qemu" for account in pwd.getpwall())


def _has_plugin() -> bool:
    return any(Path("/usr/share/rubygems-integration").glob("*/specifications/vagrant-libvirt-*"))


BESIDES = {"libc6-dev": _has_headers, "python3-venv": _has_venv}
"""Debian package that brings no program -> whether it is there."""

VM_BESIDES = {"libvirt-daemon-system": _has_qemu_user, "vagrant-libvirt": _has_plugin}


def program(name: str) -> str:
    """Return the path of a listed program; raises LabError if it is missing or not listed."""
    listed = PROGRAMS | VM
    packages = [package for package, names in listed.items() if name in names.split()]
    if not packages:
        raise LabError(
            f"lab: {name}: is in no list of programs; add it with its Debian package to "
            "PROGRAMS in lab/requirements.py"
        )
    found = shutil.which(name, path=_path())
    if not found:
        raise LabError(f"lab: this machine: has no {name}; apt-get install {packages[0]}")
    return found


def missing(*, vm: bool = False) -> list[str]:
    """Return the packages that are to be installed; with `vm` those of virtual machines."""
    path = _path()
    lacking = {
        package
        for package, names in (VM if vm else PROGRAMS).items()
        if not all(shutil.which(name, path=path) for name in names.split())
    }
    besides = VM_BESIDES if vm else BESIDES
    return sorted(lacking | {package for package, is_there in besides.items() if not is_there()})


def check(*, vm: bool = False) -> None:
    """Raise LabError unless this is root, with every program at hand; put them into PATH."""
    if os.geteuid() != 0:
        raise LabError(f"lab: this machine: needs root (got uid {os.geteuid()}); run it with sudo")
    if packages := [*missing(), *(missing(vm=True) if vm else [])]:
        raise LabError(
            f"lab: this machine: Debian packages are missing (got no {', '.join(packages)}); "
            f"apt-get install {' '.join(packages)}"
        )
    os.environ["PATH"] = _path()  # for what our programs call in their turn


def link(folder: Path) -> None:
    """Make a folder with a link to each listed program and nothing else."""
    if folder.exists():
        raise LabError(f"lab: {folder}: is there already; name a new folder, or remove it")
    folder.mkdir(parents=True)
    for name in " ".join(PROGRAMS.values()).split():
        (folder / name).symlink_to(program(name))


def _path() -> str:
    """Return PATH with the sbin beside each bin, which people who became root by `su` lack."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    beside = [folder.removesuffix("bin") + "sbin" for folder in folders if folder.endswith("/bin")]
    return os.pathsep.join(dict.fromkeys([*folders, *beside]))


if __name__ == "__main__":
    try:
        if sys.argv[1:2] == ["--links"]:
            link(Path(sys.argv[2]))
        else:
            sys.stdout.write(" ".join(missing(vm=sys.argv[1:] == ["vm"])) + "\n")
    except LabError as error:
        sys.exit(str(error))
