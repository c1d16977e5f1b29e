"""File: a file that rempart owns whole, with its bytes, mode and owner."""

from __future__ import annotations

import base64
import hashlib
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from rempart.resources.base import (
    Action,
    Change,
    Observation,
    Resource,
    call,
    encoded,
    table,
)
from rempart.resources.textdiff import text_diff

LARGEST_SHOWN = 32 * 1024
"""Bytes of a differing file that a host may send back for the diff."""


@dataclass(frozen=True, kw_only=True)
class File(Resource):
    """A regular file. ``content=None`` means that there must be none.

    ``check`` is sh that must accept the file before it replaces the old one; it finds the new file
    in ``$CANDIDATE``, the path it will get in ``$TARGET``, and the paths of files that go in the
    same run in ``$GIVEN_UP``, one a line. A ``secret`` file's bytes are shown in no diff and never
    leave the host. ``with_strangers`` is the content where the host has neighbours in none of its
    networks.
    """

    kind = "file"
    rank = 40

    path: str
    content: str | None
    mode: str = "0644"
    user: str = "root"
    group: str = "root"
    check: str = ""
    secret: bool = False
    with_strangers: str | None = None

    @property
    def key(self) -> str:
        """Return the path."""
        return self.path

    @property
    def label(self) -> str:
        """Return ``Write PATH`` or ``Remove PATH``."""
        return f"{'Remove' if self.content is None else 'Write'} {self.path}"

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the wanted bytes in hex."""
        return _sha256(self.content)

    def wanted(self, seen: Observation) -> str | None:
        """Return the content that this host should have."""
        varies = self.with_strangers is not None and seen.strangers
        return self.with_strangers if varies else self.content

    @classmethod
    def probe(cls, resources: Sequence[Self]) -> str:
        """Ask with one stat and one sha256sum; only files that differ send their bytes.

        One that may have either content differs from one of them, and so sends its bytes always.
        """
        sums = "\n".join(
            f"{_sha256(content)}  {r.path}"
            for r in resources
            if not r.secret
            for content in dict.fromkeys((r.content, r.with_strangers or r.content))
        )
        secret = "\n".join(f"{r.digest}  {r.path}" for r in resources if r.secret)
        return (
            table("file", [r.path for r in resources])
            + f"files=$(cat <<'SUMS'\n{sums}\nSUMS\n)\n"
            + f"secrets=$(cat <<'SUMS'\n{secret}\nSUMS\n)\n"
            + f"probe_files {LARGEST_SHOWN}\n"
        )

    def diff(self, seen: Observation) -> Change | None:
        """Compare type, mode, owner and bytes."""
        found = seen.get("file", self.path)
        if self.content is None:
            if found == ("absent",):
                return None
            old = content_seen(self.path, seen)
            script = call("remove_file", self.path, *self.reloads)
            return self.change("remove", text_diff(self.path, old, ""), script)
        wanted = self.wanted(seen) or ""
        lines = self._differences(wanted, found, seen)
        if not lines:
            return None
        content = encoded(wanted)
        script = call(
            "write_file", self.path, self.mode, self.user, self.group, self.check, *self.reloads,
            stdin=content,
        )  # fmt: skip
        precheck = call("check_file", self.path, self.check, stdin=content) if self.check else ""
        action: Action = "create" if found == ("absent",) else "update"
        return self.change(action, lines, script, precheck=precheck)

    def _differences(self, wanted: str, found: tuple[str, ...], seen: Observation) -> list[str]:
        """Return lines for people; empty where the file is as wanted."""
        owner = f"{self.user}:{self.group}"
        if found == ("absent",):
            body = ["<secret>"] if self.secret else text_diff(self.path, "", wanted)
            return [*body, f"+ mode {self.mode}, owner {owner}"]
        mode = int(found[0], 16)
        if not stat.S_ISREG(mode):
            return ["- not a regular file", f"+ a regular file of {len(wanted)} bytes"]
        lines = []
        if not self._has(wanted, seen):
            old = content_seen(self.path, seen)
            lines += ["<secret>"] if self.secret else text_diff(self.path, old, wanted)
            lines = lines or ["~ bytes differ in line ends or encoding only"]
        was = (f"{stat.S_IMODE(mode):04o}", f"{found[1]}:{found[2]}")
        if was != (self.mode, owner):
            lines += [f"- mode {was[0]}, owner {was[1]}", f"+ mode {self.mode}, owner {owner}"]
        return lines

    def _has(self, wanted: str, seen: Observation) -> bool:
        if self.with_strangers is not None:
            return content_seen(self.path, seen) == wanted
        return seen.has("same", self.path)

    @classmethod
    def touches(cls, key: str) -> tuple[str, ...]:
        """Return what the guard must be able to put back."""
        return (f"path:{key}",)

    @classmethod
    def undo(cls, key: str, original: tuple[str, ...], seen: Observation) -> tuple[list[str], str]:
        """Put the original back, which the host kept, or remove the file."""
        lines = text_diff(key, content_seen(key, seen), "")
        if original != ("absent",):
            lines.append("+ the original, kept on the host")
        return lines, call("restore_file", key)


def _sha256(content: str | None) -> str:
    return hashlib.sha256((content or "").encode()).hexdigest()


def content_seen(path: str, seen: Observation) -> str:
    """Return the bytes that a host sent of a file, as text; a note where it sent none."""
    (encoded, *_) = seen.get("bytes", path)
    if encoded == "absent":
        return ""
    if encoded == "-":
        return "(too long to show)\n"
    if len(encoded) > 2 * LARGEST_SHOWN:
        raise ValueError("more bytes than were asked for")
    return base64.b64decode(encoded, validate=True).decode("utf-8", "replace")
