"""Taking turns at a repository: noting, maintaining, letting its disk go."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from .commit import tidy
from .ledger import state_file


@contextmanager
def turn(name: str, folder: Path, patience_s: float = 0) -> Iterator[bool]:
    """Hold a repository, unless somebody does; what was left half done there is done first."""
    with alone(state_file(name, "lock"), patience_s) as is_ours:
        if is_ours and folder.exists():  # on a disk that is there
            tidy(name, folder)
        yield is_ours


@contextmanager
def alone(path: Path, patience_s: float = 0) -> Iterator[bool]:
    """Hold a lock file, unless somebody does; what we start holds it too, if we are killed."""
    with path.open("w") as lock:
        until = time.monotonic() + patience_s
        while not (is_ours := _locked(lock)) and time.monotonic() < until:
            time.sleep(0.5)
        os.set_inheritable(lock.fileno(), True)
        yield is_ours


def _locked(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
