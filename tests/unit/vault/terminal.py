"""Commands on a terminal of their own, watched while they run."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import subprocess
import sys
import termios
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

REMPART = Path(sys.executable).with_name("rempart")
SPAWNS = """
import os, sys
def hook(event, args):
    if event in ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system", "os.putenv"):
        with open(os.environ["SPAWNED"], "a") as file:
            print(event, args, file=file)
sys.addaudithook(hook)
"""
"""Notes what a Python program starts, however short it lives."""


def on_a_terminal(
    words: Sequence[str | Path],
    answers: Mapping[str, str] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    stdout: Path | None = None,
    watch: Callable[[int], None] = lambda _: None,
) -> tuple[int, str]:
    """Run a command and return its exit code and what its terminal showed.

    It has a session of its own with that terminal, on which each question gets its answer;
    ``stdout`` may be a file instead. ``watch`` is called all the time, with the session's id.
    """
    terminal, end = pty.openpty()
    out = os.open(stdout or os.ttyname(end), os.O_RDWR | os.O_CREAT | os.O_NOCTTY)
    child = subprocess.Popen(
        [str(word) for word in words],
        stdin=end,
        stdout=out,
        stderr=end,
        env=os.environ | (environment or {}),
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(end)
    os.close(out)
    shown, waiting = b"", dict(answers or {})
    while True:
        watch(child.pid)
        if not select.select([terminal], [], [], 0.002)[0]:
            continue
        try:
            shown += os.read(terminal, 4096)
        except OSError:  # EIO: the other end is closed
            break
        for question in [each for each in waiting if each.encode() in shown]:
            os.write(terminal, f"{waiting.pop(question)}\n".encode())
    os.close(terminal)
    return child.wait(), shown.decode()


@dataclass
class Watch:
    """Everything that others on the machine, or later readers of its disk, could have seen.

    That is the processes' arguments and environments, and all files below a folder, at any time.
    """

    folder: Path
    seen: set[bytes] = field(default_factory=set)

    @property
    def environment(self) -> dict[str, str]:
        """Return what a watched command is started with."""
        hooks, temporary = self.folder / "hooks", self.folder / "tmp"
        for each in (hooks, temporary):
            each.mkdir(exist_ok=True)
        (hooks / "sitecustomize.py").write_text(SPAWNS)
        return {
            "PYTHONPATH": str(hooks),
            "SPAWNED": str(self.folder / "spawned"),
            "TMPDIR": str(temporary),
        }

    def __call__(self, session: int) -> None:
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if os.getsid(int(process.name)) == session:
                    self.seen |= {(process / f).read_bytes() for f in ("cmdline", "environ")}
        for path in self.folder.rglob("*"):
            with suppress(OSError):
                self.seen.add(path.read_bytes() if path.is_file() else b"")

    def saw(self, secret: str) -> bool:
        """Tell whether a secret was anywhere."""
        return any(secret.encode() in each for each in self.seen)
