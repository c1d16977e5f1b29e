"""restic on this server, for what the operator asks for: its password comes over its input."""

import hashlib
import json
import os
import random
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SNAPSHOTS, FILES, MOST_BYTES = 2, 20, 32 * 1024 * 1024
"""How large a sample is at most: of how many snapshots, and of each."""
MOST_WORDS = 256 * 1024 * 1024
"""Folders can be laid so that a list of them has no end."""


class ResticError(Exception):
    """What restic says of its failure."""


class Restic:
    """A repository beside a sealed one, made of links, which rclone follows."""

    def __init__(self, work: Path, password: str) -> None:
        """Take a folder, and the password of the repository that it is of."""
        self._password = password.encode()
        serve = "serve restic --stdio --copy-links"
        options = [f"--repo=rclone:{work}", f"--option=rclone.args={serve}", "--no-cache"]
        self._command = ["ionice", "-c3", "nice", "-n19", "restic", "--quiet", *options]
        self._environment = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "RCLONE_CONFIG": "/dev/null"}

    def run(self, *arguments: str) -> str:
        """Run restic; return what it prints. ResticError when it fails, or says without end."""
        process = subprocess.Popen(
            [*self._command, *arguments],
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            close_fds=False,  # the repository's lock is held as long as this goes on
        )
        assert process.stdin
        assert process.stdout
        with process:
            process.stdin.write(self._password)
            process.stdin.close()
            said = process.stdout.read(MOST_WORDS)
            if len(said) == MOST_WORDS:
                process.kill()
                raise ResticError(f"restic {arguments[0]}: says too much")
        if process.returncode:
            last = " ".join(said.decode(errors="backslashreplace").split())
            raise ResticError(f"restic {arguments[0]}: {last[-300:]}")
        return said.decode(errors="surrogateescape")

    def snapshots(self) -> list[str]:
        """Return the ids of all snapshots, sorted."""
        return sorted(each["id"] for each in self._json("snapshots", "--json") or ())

    def needed(self, snapshots: list[str]) -> tuple[int, int]:
        """Return how many blobs these snapshots need together, and their bytes."""
        stats = self._json("stats", "--json", "--mode", "raw-data", "--", *snapshots)
        return int(stats["total_blob_count"]), int(stats["total_size"])

    def _json(self, *arguments: str) -> Any:
        """Return the JSON that restic prints on a line of its own."""
        lines = [line for line in self.run(*arguments).splitlines() if line[:1] in ("{", "[", "n")]
        try:
            return json.loads(lines[-1])
        except (ValueError, IndexError):
            raise ResticError(f"restic {arguments[0]}: makes no sense") from None

    def sample(self, snapshots: list[str]) -> dict[str, list[str]]:
        """Return random files of some snapshots, by snapshot."""
        some = random.SystemRandom().sample(snapshots, min(SNAPSHOTS, len(snapshots)))
        return {snapshot: self._some_files(snapshot) for snapshot in some}

    def _some_files(self, snapshot: str) -> list[str]:
        lines = self.run("ls", "--json", "--", snapshot).splitlines()
        nodes = [json.loads(line) for line in lines if line.startswith("{")]
        files = [node for node in nodes if node.get("type") == "file"]
        chosen: list[str] = []
        size = 0
        for each in random.SystemRandom().sample(files, len(files)):
            if len(chosen) < FILES and size + each.get("size", 0) <= MOST_BYTES:
                chosen.append(each["path"])
                size += each.get("size", 0)
        return chosen

    def digests(self, sample: dict[str, list[str]]) -> dict[tuple[str, str], str]:
        """Return the SHA-256 of these files; they are restored into memory for that."""
        found = {}
        for snapshot, paths in sample.items():
            with _memory() as folder:
                includes = [f"--include={literal(path)}" for path in paths]
                if paths:
                    self.run("restore", f"--target={folder}", *includes, "--", snapshot)
                for path in paths:
                    file = Path(f"{folder}{path}")
                    if file.is_file() and not file.is_symlink():  # no UTF-8, no name to ask for
                        found[snapshot, path] = hashlib.sha256(file.read_bytes()).hexdigest()
        return found


@contextmanager
def _memory() -> Iterator[str]:
    """Make a folder that is on no disk, and has an end: sizes are what a host says of its files."""
    with tempfile.TemporaryDirectory(prefix="rempart-maintain-", dir="/run") as folder:
        options = f"mode=0700,nodev,nosuid,noexec,size={2 * MOST_BYTES}"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
        try:
            yield folder
        finally:
            subprocess.run(["umount", folder], check=True)


def literal(path: str) -> str:
    """Return a pattern that is this path alone, filepath.Match of Go."""
    return "".join(f"\\{each}" if each in "\\*?[" else each for each in path)
