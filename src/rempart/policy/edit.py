"""Changes in a policy file's text, value by value, and the file's replacement.

A YAML library that writes the whole file again would move the comments and spaces of the person who
wrote it.
"""

from __future__ import annotations

import fcntl
import io
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from rempart.policy.source import read_text

Edit = tuple[int, int, str]
"""Replace the characters from the first to before the second index by a text."""


def rewrite(path: Path, change: Callable[[Path, str], str]) -> bool:
    """Give a file the text that ``change(path, text)`` returns; return whether it is another one.

    Safe against other writers (a lock on the folder) and crashes (written beside, then renamed).
    """
    path = Path(path).resolve()
    with _locked(path.parent):
        before = read_text(path)
        after = change(path, before)
        if after == before:
            return False
        _replace(path, after)
    return True


def edited(text: str, edits: Iterable[Edit]) -> str:
    """Return a text with edits made that do not overlap."""
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def compose(text: str) -> Node | None:
    """Return a YAML text as nodes, which know where they stand."""
    node: Node | None = YAML().compose(io.StringIO(text))
    return node


def after(text: str, node: Node, new: str) -> Edit:
    """Insert after the line on which a block ends, behind that line's comment."""
    while isinstance(node, MappingNode | SequenceNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    end = text.find("\n", node.end_mark.index)
    place = len(text) if end < 0 else end
    place -= text[:place].endswith("\r")
    return place, place, new


def child(node: Node | None, step: int | str) -> Node | None:
    """Return what stands behind a key or at an index, None when nothing does."""
    if isinstance(node, SequenceNode) and isinstance(step, int):
        item: Node = node.value[step]
        return item
    return next((value for key, value in pairs(node) if key == step), None)


def pairs(node: Node | None) -> Iterator[tuple[str, Node]]:
    """Yield a mapping's keys with their nodes; nothing for other nodes."""
    if isinstance(node, MappingNode):
        yield from ((key.value, value) for key, value in node.value)


def line_end(text: str) -> str:
    """Return how the file ends its lines."""
    return "\r\n" if "\r\n" in text else "\n"


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other writers of the folder's inventories out; the lock ends with the process."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _replace(path: Path, text: str) -> None:
    """Put a text in a file's place, with its mode and owner; readers see the old or the new one."""
    status = path.stat()
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchown(descriptor, status.st_uid, status.st_gid)
            os.fchmod(descriptor, status.st_mode & 0o7777)
            file.write(text.encode())
            file.flush()
            os.fsync(descriptor)
        Path(temporary).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise
