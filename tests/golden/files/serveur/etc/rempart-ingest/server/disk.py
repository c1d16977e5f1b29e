"""A removable disk: mounted while hosts bring their copies there, or an operator wants it."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from .config import repositories
from .ledger import STATE, disk_file, told
from .serve import VIEWS

OPTIONS = "nosuid,nodev,noexec"


class DiskError(Exception):
    """The disk is not there, or not as it should be."""


class Disk:
    """A target's disk, the repositories on it, and where it is mounted."""

    def __init__(self, target: str) -> None:
        kept = {name: each for name, each in repositories().items() if name.endswith(f"/{target}")}
        self.uuid = next((each["disk"] for each in kept.values()), None)
        if not self.uuid:
            raise DiskError("the policy knows no such disk")
        self.target = target
        self.folders = {name: Path(each["folder"]) for name, each in kept.items()}
        self.root = next(iter(self.folders.values())).parent
        self.visiting = STATE / f"{target}.visit"
        self.wish = Path("/run", f"rempart-disk-{target}")

    @property
    def is_there(self) -> bool:
        """Tell whether it is mounted, and has not been pulled out."""
        device = self._device()
        return device is not None and Path(f"/sys/dev/block/{device}").exists()

    def mount(self, mode: str = "rw") -> None:
        """Mount it, unless it is; DiskError when it is not plugged in."""
        if self.root.is_mount():
            return
        self.root.mkdir(mode=0o755, parents=True, exist_ok=True)
        way = ["mount", "-t", "ext4", "-o", f"{OPTIONS},{mode}", f"UUID={self.uuid}"]
        done = subprocess.run([*way, str(self.root)], capture_output=True, text=True)
        if done.returncode:
            said = " ".join(done.stderr.split())[-200:]
            raise DiskError(f"is not plugged in, or is no ext4 {self.uuid} ({said})")
        if any(map(_is_led_astray, (self.root, *self.folders.values()))):
            self.drop()
            raise DiskError("was changed elsewhere: a repository's folder is not root's, or a link")

    def let_go(self) -> None:
        """Unmount it, until nobody has it any more, in whatever mount namespace.

        Sessions that come back are ended; OSError when it was pulled out.
        """
        device = self._device()
        while device:
            subprocess.run(["umount", str(self.root)], capture_output=True)
            if not self.root.is_mount() and not any(_mounts_of(device)):
                return
            if self.root.is_mount() and not self.is_there:
                raise OSError("it is gone")
            self._end_sessions()
            time.sleep(1)

    def sessions(self) -> list[int]:
        """Return the processes that serve a repository there."""
        folders, ends = map(str, self.folders.values()), [f".{view}" for view in VIEWS]
        served = {f"{path}{end}".encode() for path in folders for end in ("", *ends)}
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if served & set((process / "cmdline").read_bytes().split(b"\0")):
                    found.append(int(process.name))
        return found

    def _end_sessions(self) -> None:
        for session in self.sessions():
            with suppress(ProcessLookupError):
                os.kill(session, signal.SIGKILL)

    def drop(self) -> None:
        """Forget a disk that was pulled out."""
        subprocess.run(["umount", "--lazy", str(self.root)], capture_output=True)

    def stay(self) -> None:
        """Mount it, and let no visit end until `leave`, or the next boot."""
        self.mount()
        self.wish.write_text("stay")

    def leave(self) -> None:
        """Let the visit end as soon as nobody uses it; DiskError when it is not mounted."""
        if not self.root.is_mount():
            raise DiskError("is not mounted; it may be unplugged")
        self.wish.write_text("leave")

    def tell(self, **about: Any) -> None:
        """Leave word of how it stands."""
        file = disk_file(self.target)
        new = file.with_suffix(".new")
        new.write_text(json.dumps(told(self.target) | about) + "\n")
        new.replace(file)

    def _device(self) -> str | None:
        if not self.root.is_mount():
            return None
        number = self.root.stat().st_dev
        return f"{os.major(number)}:{os.minor(number)}"


def _is_led_astray(folder: Path) -> bool:
    """Tell whether somebody else made a folder, or put links in it, which root would follow."""
    if not folder.exists() and not folder.is_symlink():
        return False
    inside = () if folder.is_symlink() else folder.iterdir()
    return folder.lstat().st_uid != 0 or any(map(Path.is_symlink, (folder, *inside)))


def _mounts_of(device: str) -> Iterator[Path]:
    for mounts in Path("/proc").glob("[0-9]*/mountinfo"):
        with suppress(OSError):
            if f" {device} " in mounts.read_text():
                yield mounts
