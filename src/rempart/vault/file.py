"""Files that are never half there: 0600 from the first byte, synced, renamed; one writer.

Promise: no link is followed, and nothing that stands where a file should be makes a reader wait.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rempart.vault.error import VaultError


def read(path: Path, limit: int) -> bytes | None:
    """Return what a file holds, at most one byte more than the limit; None when there is none.

    `VaultError` when it cannot be read, or is a link, a pipe or a device.
    """
    try:
        # Opening a pipe would wait for a writer, opening a device may do anything.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise VaultError("is not a file")
            return file.read(limit + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise VaultError("is a symbolic link; put the file itself there") from None
        raise VaultError(f"cannot be read: {error.strerror}") from None


def replace(path: Path, content: bytes) -> None:
    """Give a file this content: whoever reads it, also after a power cut, finds old or new.

    A writer that is killed leaves at most a ``.name.…`` file behind, which nobody reads.
    `VaultError` when it cannot be written; it is as it was.
    """
    try:
        _replace(path, content)
        _sync(path.parent)
    except OSError as error:
        raise VaultError(f"cannot be written: {error.strerror}; it is as it was") from None


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other writers in a folder out; the lock ends with the process, whatever ends it."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise VaultError(f"{folder}: cannot be opened: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace(path: Path, content: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # is 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)  # the rename itself
    finally:
        os.close(descriptor)
