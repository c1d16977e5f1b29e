"""Whether guests may use KVM, found out by a guest: /dev/kvm tells nothing.

Where KVM is itself emulated, a small boot sector runs and a kernel does not get anywhere. So a real
kernel is booted without a disk; that it misses the disk, within the limit, is what it should say.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from lab.errors import LabError
from lab.requirements import program
from vm import box

VARIABLE = "REMPART_VM"
LIMIT_S = 10
_LAST_WORDS = b"Kernel panic - not syncing: VFS: Unable to mount root fs"


def choose() -> str:
    """Return `kvm` or `tcg` (emulation): what REMPART_VM says, or what a trial guest shows."""
    wish = os.environ.get(VARIABLE, "")
    if wish not in ("", "kvm", "tcg"):
        raise LabError(f"vm: {VARIABLE}: unknown (got {wish!r}); say tcg or kvm, or leave it out")
    if wish:
        return wish
    kernel = next(_kernels(), None)
    if kernel is None:
        sys.stderr.write("vm: KVM: there is no kernel to try it with; REMPART_VM=kvm uses it\n")
    return "kvm" if kernel and works("kvm", kernel) else "tcg"


def works(accelerator: str, kernel: Path, limit_s: float = LIMIT_S) -> bool:
    """Tell whether a guest's kernel comes to its end with it, within the limit.

    QEMU is a process of its own that is killed and hardly waited for: if the machine's kernel
    hangs, it may not even die.
    """
    with tempfile.TemporaryFile() as said:
        guest = subprocess.Popen(
            [
                *(program("qemu-system-x86_64"), "-accel", accelerator, "-m", "256"),
                *("-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio"),
                *("-kernel", str(kernel), "-append", "console=ttyS0 quiet panic=-1"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            deadline = time.monotonic() + limit_s
            while guest.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)
            said.seek(0)
            return guest.returncode == 0 and _LAST_WORDS in said.read()
        finally:
            if guest.poll() is None:
                os.killpg(guest.pid, signal.SIGKILL)
                with suppress(subprocess.TimeoutExpired):
                    guest.wait(1)


def _kernels() -> Iterator[Path]:
    """Return kernels to try with: those of the boxes, then this machine's own."""
    candidates = [*box.added("*", "vmlinuz"), Path("/boot", f"vmlinuz-{os.uname().release}")]
    yield from (path for path in candidates if os.access(path, os.R_OK))
