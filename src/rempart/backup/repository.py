"""Repositories, made and read on the controller: a server never gets the password."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from rempart.engine.printable import printable
from rempart.errors import RempartError

TIMEOUT_S = 120


class RepositoryError(RempartError):
    """A repository could not be made, or does not open."""


@dataclass(frozen=True)
class Head:
    """What an empty repository consists of, restic's design document, "Repository Layout"."""

    config: bytes
    key_name: str
    """The SHA-256 of the key file, in hex."""
    key: bytes


def make(password: SecretStr) -> Head:
    """Return a new repository; RepositoryError when restic fails."""
    with tempfile.TemporaryDirectory(prefix="rempart-") as folder:
        restic(_local(folder), password, "init")
        (key,) = Path(folder, "keys").iterdir()
        return Head(Path(folder, "config").read_bytes(), key.name, key.read_bytes())


def repository_id(head: Head, password: SecretStr) -> str:
    """Return the id of a repository that the password opens; RepositoryError when it does not."""
    with tempfile.TemporaryDirectory(prefix="rempart-") as folder:
        for path, content in (("config", head.config), (f"keys/{head.key_name}", head.key)):
            file = Path(folder, path)
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(content)
        for name in ("data", "index", "locks", "snapshots"):
            Path(folder, name).mkdir()
        config = json.loads(restic(_local(folder), password, "cat", "config"))
    return str(config["id"])


@dataclass(frozen=True)
class Opened:
    """A repository and its password, for reading; ``where`` are the options that name it."""

    where: Sequence[str]
    password: SecretStr

    def run(self, *arguments: str, timeout_s: int = TIMEOUT_S) -> str:
        """Run restic without a lock; RepositoryError if it fails."""
        return restic(self.where, self.password, "--no-lock", *arguments, timeout_s=timeout_s)

    def head(self, snapshot: str, path: str, size: int) -> bytes:
        """Return the first bytes of a file in a snapshot; RepositoryError if there are none."""
        command = [*_command(self.where), "--no-lock", "dump", snapshot, path]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            assert process.stdin
            assert process.stdout
            process.stdin.write(self.password.get_secret_value().encode())
            process.stdin.close()
            head = process.stdout.read(size)
            process.stdout.close()
            process.terminate()
        if not head and process.returncode > 0:
            raise RepositoryError(f"restic dump: exit {process.returncode}")
        return head


def restic(
    where: Sequence[str], password: SecretStr, *arguments: str, timeout_s: int = TIMEOUT_S
) -> str:
    """Run restic on a repository; the password goes over stdin alone. RepositoryError if it fails.

    ``where`` are the options that name the repository.
    """
    try:
        done = subprocess.run(
            [*_command(where), *arguments],
            input=password.get_secret_value(),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
        )
    except FileNotFoundError:
        raise RepositoryError("restic: is not installed here; apt-get install restic") from None
    except subprocess.TimeoutExpired:
        raise RepositoryError(f"restic: no end after {timeout_s} s") from None
    if done.returncode:
        said = printable(re.sub(r"/\S*/rempart-\w+", "repository", done.stderr))[-300:]
        raise RepositoryError(f"restic: exit {done.returncode} (got {said})")
    return done.stdout


def _command(where: Sequence[str]) -> list[str]:
    return ["restic", "--password-file", "/dev/stdin", *where]


def _local(folder: str) -> list[str]:
    return ["--repo", folder, "--no-cache"]
