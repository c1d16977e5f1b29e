"""Debian boxes for Vagrant and libvirt, made of packages alone: no loop device, no download of one.

A box has a key pair of its own for Vagrant: nobody who knows Vagrant's published key gets in. The
kernel lies beside the disk as well, for the trial of vm/accelerator.py.
"""

import hashlib
import json
import os
import shutil
import struct
import sys
import tarfile
import tempfile
from pathlib import Path

from lab import image, machine, place
from lab.secret import HOST_KEY_TYPES, make_pair
from lab.session import Session
from vm.tool import run

BOXES = {"debian-12": "debian-12-vm", "debian-13": "debian-13-vm"}
"""Box -> the image that its disk has. Vagrant knows the box as rempart/debian-12."""

_FOLDER = place.CACHE / "boxes"
_SIZE_GIB = 10
_START = 2048  # sectors; GRUB is before it, in the gap that partitioning tools leave
_SECTOR = 512


def path(name: str) -> Path:
    """Return where the box called `name` is, or will be: its name says all that makes it."""
    parts = [image.path(BOXES[name]).name, Path(__file__).read_text()]
    digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
    return _FOLDER / f"{name}-{digest}.box"


def make(name: str) -> Path:
    """Return the box, built first if it is not there: a minute or two."""
    target = path(name)
    if target.exists():
        return target
    with machine.lock(f"box-{name}"):
        if not target.exists():
            with Session():  # for its package cache
                root = image.make(BOXES[name])
            _build(name, root, target)
    return target


def add(name: str) -> None:
    """Give the box to Vagrant as rempart/NAME unless it has it; the one before it goes."""
    box = make(name)
    if any(mark.read_text() == box.name for mark in added(name, "made-as")):
        return
    command = ["box", "add", "--force", "--provider", "libvirt", "--name", f"rempart/{name}"]
    run(["vagrant", *command, str(box)])


def added(name: str, file: str) -> list[Path]:
    """Return where Vagrant keeps that file of our boxes; `*` stands for any box."""
    home = Path(os.environ.get("VAGRANT_HOME", "~/.vagrant.d")).expanduser()
    return sorted(home.glob(f"boxes/rempart-VAGRANTSLASH-{name}/**/{file}"))


def _build(name: str, root: Path, target: Path) -> None:
    _FOLDER.mkdir(exist_ok=True)
    sys.stderr.write(f"vm: building the {name} box, once\n")
    for left in _FOLDER.glob(f"{name}-*.draft"):  # a killed build's
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=f"{name}-", suffix=".draft", dir=_FOLDER) as draft:
        folder = Path(draft)
        _furnish(root, folder / "vagrant_private_key")
        _write_disk(root, folder / "disk")
        convert = ["convert", "-c", "-o", "compression_type=zstd", "-O", "qcow2", "-f", "raw"]
        run(["qemu-img", *convert, str(folder / "disk"), str(folder / "box.img")])
        shutil.copy((root / "vmlinuz").resolve(), folder / "vmlinuz")
        _pack(folder, target)
    shutil.rmtree(root)  # all that it has is in the box


def _furnish(root: Path, key: Path) -> None:
    """Write the box's own keys into the root: Vagrant's, and host keys for its first minute."""
    make_pair(key, "ed25519", "vagrant")
    home = root / "home/vagrant"
    ssh = home / ".ssh"
    ssh.mkdir(mode=0o700, exist_ok=True)
    shutil.copy2(key.with_name(f"{key.name}.pub"), ssh / "authorized_keys")
    for path in (ssh, ssh / "authorized_keys"):
        os.chown(path, home.stat().st_uid, home.stat().st_gid)
    for kind in HOST_KEY_TYPES:
        make_pair(root / f"etc/ssh/ssh_host_{kind}_key", kind, "box")


def _write_disk(root: Path, disk: Path) -> None:
    """Make a disk of one bootable partition that holds the root, and GRUB before it."""
    size = _SIZE_GIB * 1024**3
    with disk.open("wb") as file:
        file.truncate(size)
    count = size // _SECTOR - _START
    options = f"offset={_START * _SECTOR},lazy_itable_init=1"
    # GRUB 2.06 cannot read what newer releases of mke2fs switch on.
    features = "^metadata_csum_seed,^orphan_file"
    make = ["mke2fs", "-q", "-t", "ext4", "-O", features, "-E", options, "-d", str(root)]
    run([*make, str(disk), f"{count * _SECTOR // 1024}k"])
    # GRUB's first sector looks for the rest where it is written here, right after itself.
    first = (root / "usr/lib/grub/i386-pc/boot.img").read_bytes()[:440]
    entry = struct.pack("<B3xB3xII", 0x80, 0x83, _START, count)
    with disk.open("r+b") as file:
        file.write(first + b"remp\0\0" + entry + bytes(48) + b"\x55\xaa")
        file.write((root / "boot/grub/i386-pc/core.img").read_bytes())


def _pack(folder: Path, target: Path) -> None:
    metadata = {"provider": "libvirt", "format": "qcow2", "virtual_size": _SIZE_GIB}
    (folder / "metadata.json").write_text(json.dumps(metadata))
    (folder / "made-as").write_text(target.name)
    box = folder / "box"
    box.touch(mode=0o600)  # it holds a private key, which the Vagrantfile looks for
    with tarfile.open(box, "w") as archive:
        for name in ("metadata.json", "made-as", "vagrant_private_key", "vmlinuz", "box.img"):
            archive.add(folder / name, name)
    box.replace(target)
