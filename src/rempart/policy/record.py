"""Writes what enrolment found out about a host into the practice's YAML file, and nothing else.

The text is edited in place, value by value: a YAML library that writes the whole file again would
move the comments and spaces of the person who wrote it.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from rempart.policy.host import Traits
from rempart.policy.mistake import Mistake, PolicyError
from rempart.policy.source import parse_source, read_text

Edit = tuple[int, int, str]
"""Replace the characters from the first to before the second index by a text."""


def record_traits(path: Path, host_name: str, traits: Traits) -> bool:
    """Write a host's traits into its practice's file; return whether the file has changed.

    Safe against other writers (a lock on the folder) and crashes (written beside, then renamed).
    Raises `PolicyError` when the file has no such host or writes it in ``{…}`` style.
    """
    path = Path(path).resolve()
    with _locked(path.parent):
        before = read_text(path)
        after = with_traits(path, before, host_name, traits)
        if after == before:
            return False
        _replace(path, after)
    return True


def with_traits(path: Path, text: str, host_name: str, traits: Traits) -> str:
    """Return a policy file's text with a host's traits in it; pure, the path is for errors."""
    source = parse_source(path, text)
    hosts = source.data.get("hosts")
    listed = hosts if isinstance(hosts, list) else []
    position = next((i for i, h in enumerate(listed) if _name(h) == host_name), None)
    if position is None:
        raise _refusal(path, 1, f"has no host {host_name!r}")
    node = _child(_child(YAML().compose(io.StringIO(text)), "hosts"), position)
    for start, end, new in sorted(_edits(text, node, traits), reverse=True):
        text = text[:start] + new + text[end:]
    # The edit is believed only when reading it again gives the same policy with these traits.
    listed[position]["traits"] = traits.model_dump()
    if parse_source(path, text).data != source.data:
        line = source.line(("hosts", position))
        raise _refusal(path, line, "is written in a form to which traits cannot be added")
    return text


def _edits(text: str, host: Node | None, traits: Traits) -> Iterator[Edit]:
    """Yield what to change in a host written in lines; nothing for other ways of writing."""
    if not isinstance(host, MappingNode) or host.flow_style:
        return
    written = _child(host, "traits")
    column = host.start_mark.column
    line_end = "\r\n" if "\r\n" in text else "\n"
    if written is None:
        lines = ["traits:", *(f"  {key}: {_quoted(value)}" for key, value in traits)]
        yield _after(text, host, "".join(f"{line_end}{' ' * column}{line}" for line in lines))
    elif isinstance(written, MappingNode) and not written.flow_style:
        margin = line_end + " " * written.start_mark.column
        for key, value in traits:
            old = _child(written, key)
            if old is None:
                yield _after(text, written, f"{margin}{key}: {_quoted(value)}")
            elif old.value != value:
                yield old.start_mark.index, old.end_mark.index, _quoted(value)
    elif {key: node.value for key, node in _pairs(written)} != traits.model_dump():
        flow = ", ".join(f"{key}: {_quoted(value)}" for key, value in traits)
        yield written.start_mark.index, written.end_mark.index, f"{{{flow}}}"


def _after(text: str, node: Node, new: str) -> Edit:
    """Insert after the line on which a block ends, behind that line's comment."""
    while isinstance(node, MappingNode | SequenceNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    line_end = text.find("\n", node.end_mark.index)
    place = len(text) if line_end < 0 else line_end
    place -= text[:place].endswith("\r")
    return place, place, new


def _child(node: Node | None, step: int | str) -> Node | None:
    if isinstance(node, SequenceNode) and isinstance(step, int):
        child: Node = node.value[step]
        return child
    return next((value for key, value in _pairs(node) if key == step), None)


def _pairs(node: Node | None) -> Iterator[tuple[str, Node]]:
    if isinstance(node, MappingNode):
        yield from ((key.value, value) for key, value in node.value)


def _name(host: Any) -> Any:
    return host.get("name") if isinstance(host, dict) else None


def _quoted(value: str) -> str:
    # Quotes keep a release such as 12 a text; traits hold no character that JSON writes otherwise.
    return json.dumps(value)


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


def _refusal(path: Path, line: int, what: str) -> PolicyError:
    hint = "write this host in lines, as inventories/example.yaml does"
    return PolicyError([Mistake(str(path), line, "hosts", what, None, hint)])
