"""Writes what enrolment found out about a host into the practice's YAML file, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml.nodes import MappingNode, Node

from rempart.policy.edit import Edit, after, child, compose, edited, line_end, pairs, rewrite
from rempart.policy.host import Traits
from rempart.policy.mistake import Mistake, PolicyError
from rempart.policy.source import parse_source


def record_traits(path: Path, host_name: str, traits: Traits) -> bool:
    """Write a host's traits into its practice's file; return whether the file has changed.

    Raises `PolicyError` when the file has no such host or writes it in ``{…}`` style.
    """
    return rewrite(path, lambda path, text: with_traits(path, text, host_name, traits))


def with_traits(path: Path, text: str, host_name: str, traits: Traits) -> str:
    """Return a policy file's text with a host's traits in it; pure, the path is for errors."""
    source = parse_source(path, text)
    hosts = source.data.get("hosts")
    listed = hosts if isinstance(hosts, list) else []
    position = next((i for i, h in enumerate(listed) if _name(h) == host_name), None)
    if position is None:
        raise _refusal(path, 1, f"has no host {host_name!r}")
    node = child(child(compose(text), "hosts"), position)
    text = edited(text, _edits(text, node, traits))
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
    written = child(host, "traits")
    column = host.start_mark.column
    margin = line_end(text)
    if written is None:
        lines = ["traits:", *(f"  {key}: {_quoted(value)}" for key, value in traits)]
        yield after(text, host, "".join(f"{margin}{' ' * column}{line}" for line in lines))
    elif isinstance(written, MappingNode) and not written.flow_style:
        margin += " " * written.start_mark.column
        for key, value in traits:
            old = child(written, key)
            if old is None:
                yield after(text, written, f"{margin}{key}: {_quoted(value)}")
            elif old.value != value:
                yield old.start_mark.index, old.end_mark.index, _quoted(value)
    elif {key: node.value for key, node in pairs(written)} != traits.model_dump():
        flow = ", ".join(f"{key}: {_quoted(value)}" for key, value in traits)
        yield written.start_mark.index, written.end_mark.index, f"{{{flow}}}"


def _name(host: Any) -> Any:
    return host.get("name") if isinstance(host, dict) else None


def _quoted(value: str) -> str:
    # Quotes keep a release such as 12 a text; traits hold no character that JSON writes otherwise.
    return json.dumps(value)


def _refusal(path: Path, line: int, what: str) -> PolicyError:
    hint = "write this host in lines, as inventories/example.yaml does"
    return PolicyError([Mistake(str(path), line, "hosts", what, None, hint)])
