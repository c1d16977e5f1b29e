"""A host's disk: a writable layer of its own over a stock image (overlayfs)."""

import shutil
import uuid
from pathlib import Path

from lab import image, machine, secret
from lab.process import run
from lab.topology import HostSpec

_EICAR = "44d88612fea8a8f36de82e1278abb02f"
"""MD5 of the test file that every scanner must find, https://www.eicar.org."""

_LAYERS = ("upper", "work", "root")
_SNAPSHOT = "snapshot"
_NSPAWN_LOCKS = Path("/run/systemd/nspawn/locks")


def make(spec: HostSpec, folder: Path) -> None:
    """Mount the host's disk on folder/root, first making it from the stock image if needed."""
    complete = folder / "complete"
    if not complete.exists():
        drop(folder)
        base = image.make(spec.image)
        for part in _LAYERS:
            (folder / part).mkdir(parents=True)
        (folder / "image").write_text(spec.image)
        (folder / "identity").write_text(spec.identity)
        (folder / "base").symlink_to(base)  # the image may change in the checkout, not here
        _mount(folder, spec.namespace)
        _furnish(spec, folder / "root")
        complete.touch()
    elif not (folder / "root").is_mount():
        _mount(folder, spec.namespace)


def drop(folder: Path) -> None:
    """Throw away what the host wrote; the host must be off."""
    unmount_below(folder)
    for mark in ("complete", "base"):
        (folder / mark).unlink(missing_ok=True)
    for part in (*_LAYERS, _SNAPSHOT):
        if (folder / part).exists():
            shutil.rmtree(folder / part)


def snapshot(folder: Path) -> None:
    """Keep what the host has written so far as a layer of its own; once, and the host is off."""
    unmount_below(folder)
    (folder / "upper").rename(folder / _SNAPSHOT)
    (folder / "upper").mkdir()


def roll_back(folder: Path) -> None:
    """Throw away what the host wrote since its snapshot; the host must be off."""
    unmount_below(folder)
    for part in ("upper", "work"):
        shutil.rmtree(folder / part)
        (folder / part).mkdir()


def unmount_below(folder: Path) -> None:
    """Unmount all disks below the folder, and remove the lock files nspawn leaves for them."""
    for mount in machine.mounts_below(folder):
        status = Path(mount).stat()
        run(["umount", "--lazy", mount])  # a shell that stands in it must not keep `down` back
        # lock_file of systemd's image_path_lock(): device and inode in decimal
        lock = _NSPAWN_LOCKS / f"inode-{status.st_dev}:{status.st_ino}"
        lock.unlink(missing_ok=True)


def _mount(folder: Path, source: str) -> None:
    kept = [folder / _SNAPSHOT] if (folder / _SNAPSHOT).exists() else []
    layers = {
        "lowerdir": ":".join(map(str, [*kept, (folder / "base").resolve()])),
        "upperdir": folder / "upper",
        "workdir": folder / "work",
    }
    options = ",".join(f"{key}={value}" for key, value in layers.items())
    run(["mount", "-t", "overlay", source, "-o", options, str(folder / "root")])


def _furnish(spec: HostSpec, root: Path) -> None:
    """Write into a fresh root what the installer asks for: names, passwords, language."""
    etc = root / "etc"
    (etc / "hostname").write_text(f"{spec.hostname}\n")
    (etc / "hosts").write_text(
        f"127.0.0.1\tlocalhost\n127.0.1.1\t{spec.hostname}\n"
        "::1\tlocalhost ip6-localhost ip6-loopback\n"
    )
    (etc / "machine-id").write_text(f"{uuid.uuid4().hex}\n")
    for key in secret.host_keys(spec).iterdir():
        shutil.copy2(key, etc / "ssh" / key.name)
    lines = [f"{login}:{password}" for login, password in secret.passwords(spec).items()]
    run(["chroot", str(root), "/usr/sbin/chpasswd"], stdin="\n".join(lines) + "\n")
    if spec.locale:
        (etc / "default" / "locale").write_text(f"LANG={spec.locale}\n")
    if spec.cloud_init:
        drop_in = etc / "ssh" / "sshd_config.d" / "50-cloud-init.conf"
        drop_in.write_text("PasswordAuthentication yes\n")
    if not spec.sudo_asks:
        sudoers = etc / "sudoers.d" / "admin"
        sudoers.touch(mode=0o440)
        sudoers.write_text("admin ALL=(ALL:ALL) NOPASSWD: ALL\n")
    _bring_signatures(root / "var/lib/clamav")


def _bring_signatures(folder: Path) -> None:
    """Write what ClamAV would fetch from a mirror that no host can reach: EICAR's, fresh today."""
    for name in ("main.inc", "daily.inc"):  # clamav-daemon.service waits for both
        (folder / name).mkdir(parents=True)
    (folder / "lab.hdb").write_text(f"{_EICAR}:68:Eicar-Test-Signature\n")
