"""Files that are never half there: 0600 from the first byte, synced, renamed; one writer."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rempart.vault.error import VaultError


def replace(path: Path, content: bytes) -> None:
    """Give a file this content: whoever reads it, also after a power cut, finds old or new.

    A writer that is killed leaves at most a ``.name.…`` file behind, which nobody reads.
    `VaultError` when it cannot be written; it is as it was.
    """
    try:
        _replace(path, content)
        _sync(path.parent)
    except OSError as error:
        raise VaultError(f"{path}: cannot be written: {error.strerror}; it is as it was") from None


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other writers in a folder out; the lock ends with the process, whatever ends it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
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
