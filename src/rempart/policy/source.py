"""A policy file as plain data, with the line on which each part of it stands.

Read as YAML 1.2 with ruamel.yaml (`no` is text, `010` is ten). Bounded before anything is built:
at most 1 MiB, 100,000 parts, 20 levels, no aliases (a few lines of them unfold to gigabytes), no
tags.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError, RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    NodeEvent,
    ScalarEvent,
)

from rempart.policy.mistake import Mistake, PolicyError, shown

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 20
MAX_PARTS = 100_000

Location = tuple[int | str, ...]
"""Keys and list indexes from the top, as pydantic's ``loc``: ``("people", 2, "until")``."""

KEY = re.compile(r"[A-Za-z0-9_-]{1,40}")

Finding = tuple[Location, str, str | None, str]
"""A mistake before its file is known: where, what, the value (if it may be shown), what to do."""


@dataclass(frozen=True)
class Source:
    """A policy file that has been read; ``name`` is its path as messages show it."""

    name: str
    path: Path
    data: dict[str, Any]
    tree: CommentedMap

    @property
    def context(self) -> dict[str, Path]:
        """What the models' validators know about the file: itself, and where its paths start."""
        return {"path": self.path, "folder": self.path.parent}

    def line(self, location: Location) -> int:
        """Return the line (from 1) of a location, or of the innermost part of it that exists."""
        node: Any = self.tree
        line = 0
        for step in location:
            if isinstance(node, CommentedMap) and step in node:
                line = node.lc.key(step)[0]
            elif isinstance(node, CommentedSeq) and isinstance(step, int) and step < len(node):
                line = node.lc.item(step)[0]
            else:
                break
            node = node[step]
        return int(line) + 1

    def mistake(self, where: Location, message: str, value: str | None, hint: str) -> Mistake:
        """Return a mistake at a location of this file."""
        return Mistake(self.name, self.line(where), dotted(where), message, value, hint)


def dotted(location: Location) -> str:
    """Return ``people[2].until`` for ``("people", 2, "until")``."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{_key(step)}" for step in location)
    return "".join(steps).removeprefix(".")


def _key(step: str) -> str:
    # A key that no model knows may hold anything, a terminal's escape sequences too.
    return step if KEY.fullmatch(step) else shown(step)


def read_source(path: Path) -> Source:
    """Read a policy file; `PolicyError` with one mistake when it is no YAML mapping."""
    return parse_source(path, read_text(path))


def read_text(path: Path) -> str:
    """Return a policy file's text with its own line ends; `PolicyError` when it has none."""
    try:
        if path.exists() and not path.is_file():  # opening a FIFO would wait for ever
            raise _failure(path, 1, "is not a file", "write the path of a policy file (.yaml)")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or "unreadable"
        raise _failure(path, 1, f"cannot be read: {reason}", "check the path") from None
    if len(content) > MAX_BYTES:
        raise _failure(path, 1, "is larger than 1 MiB", "write one file per practice")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise _failure(path, line, "is not UTF-8 text", "save it as UTF-8") from None


def parse_source(path: Path, text: str) -> Source:
    """Return the policy file with that path and text; `PolicyError` as for `read_source`."""
    try:
        _screen(path, text)
        tree = _yaml().load(io.StringIO(text))
    except DuplicateKeyError as error:
        key = str(error.problem).partition('"')[2].partition('"')[0]
        what = f"the key {shown(key)} stands twice"
        raise _failure(path, _line(error), what, "remove one") from None
    except MarkedYAMLError as error:
        problem = str(error.problem or error.context or "cannot be parsed").removeprefix("but ")
        raise _failure(
            path, _line(error), f"is not YAML: {_clean(problem)}", _advice(problem)
        ) from None
    except (YAMLError, ValueError) as error:
        problem = str(error).splitlines()[0] if str(error) else "cannot be parsed"
        raise _failure(path, 1, f"is not YAML: {_clean(problem)}", "correct it") from None
    if tree is None:
        raise _failure(path, 1, "is empty", "start from inventories/example.yaml")
    if not isinstance(tree, CommentedMap):
        raise _failure(path, 1, "is not a mapping", "write 'key: value' lines at the top level")
    return Source(str(path), path.resolve(), _plain(tree), tree)


def _yaml() -> YAML:
    """Return a reader that leaves dates as text: `value.date` says which ones do not exist."""
    yaml = YAML()
    yaml.Constructor = _Constructor
    return yaml


class _Constructor(RoundTripConstructor):
    pass


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", RoundTripConstructor.construct_yaml_str)


def _screen(path: Path, text: str) -> None:
    """Refuse what could unfold, nest or mean more than it shows, before building anything."""
    depth = 0
    for count, event in enumerate(_yaml().parse(io.StringIO(text))):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, CollectionStartEvent):
            depth += 1
        elif isinstance(event, CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise _failure(path, line, f"is nested deeper than {MAX_DEPTH} levels", "flatten it")
        if count > MAX_PARTS:
            raise _failure(path, line, f"has over {MAX_PARTS} parts", "write one file per practice")
        if isinstance(event, NodeEvent) and event.anchor:
            raise _failure(path, line, "uses an anchor or alias (&name, *name)", "write it out")
        if isinstance(event, CollectionStartEvent | ScalarEvent) and event.tag:
            raise _failure(path, line, "uses a tag (!name)", "remove it")
        if isinstance(event, ScalarEvent) and event.value == "<<":
            raise _failure(path, line, "uses a merge key (<<)", "write it out")
        if isinstance(event, DocumentStartEvent) and event.version not in (None, (1, 2)):
            raise _failure(path, line, "asks for another YAML version", "remove the %YAML line")


def _plain(node: Any) -> Any:
    """Return the tree in Python's own types: ruamel's subclasses stay out of the models."""
    if isinstance(node, dict):
        return {_plain(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(item) for item in node]
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return node


def nulls(data: Any, location: Location = ()) -> Iterator[Location]:
    """Yield where nothing stands behind a key: a half-written ``until:`` must not mean 'no end'."""
    if data is None:
        yield location
    elif isinstance(data, dict | list):
        steps = data.items() if isinstance(data, dict) else enumerate(data)
        for step, value in steps:
            yield from nulls(value, (*location, step))


def _failure(path: Path, line: int, message: str, hint: str) -> PolicyError:
    return PolicyError([Mistake(str(path), line, "", message, None, hint)])


def _line(error: MarkedYAMLError) -> int:
    mark = error.problem_mark or error.context_mark
    return mark.line + 1 if mark else 1


def _clean(problem: str) -> str:
    return "".join(c if c.isprintable() else " " for c in problem)[:120]


def _advice(problem: str) -> str:
    if "\\t" in problem:
        return "indent with spaces, not tabs"
    return "check indentation, colons and quotes around this line"
