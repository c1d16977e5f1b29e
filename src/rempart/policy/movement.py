"""Joiners and leavers: who comes and who goes is written into the YAML files, and nothing else is.

A file is replaced only when what it says afterwards is exactly what was meant, and is valid.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from rempart.policy.edit import Edit, after, child, compose, edited, line_end, rewrite
from rempart.policy.load import accept, accept_provider
from rempart.policy.mistake import Mistake, PolicyError
from rempart.policy.source import Source, parse_source, read_source

_PLAIN = re.compile(r"[A-Za-zÀ-ÿ_/][\wÀ-ÿ ()./@+=-]*")
_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}


def join(path: Path, person: Mapping[str, Any]) -> None:
    """Add a person to a practice's file, as the last of its ``people``.

    ``person`` is as in the YAML file: texts, lists of texts, and keys as mappings.
    Raises `PolicyError` when the practice would no longer be valid; the file is then as before.
    """
    rewrite(path, lambda path, text: with_joiner(path, text, person))


def leave(path: Path, login: str, last_day: datetime.date) -> bool:
    """Set a person's or technician's last day in a practice's or provider's file.

    Returns whether the file has changed. Raises `PolicyError` when the file names no such login,
    or would no longer be valid; the file is then as before.
    """
    return rewrite(path, lambda path, text: with_leaver(path, text, login, last_day))


def provider_file(path: Path) -> Path:
    """Return the provider's file that a practice's file names."""
    source = read_source(path)
    return source.path.parent / str(source.data["provider"])


def with_joiner(path: Path, text: str, person: Mapping[str, Any]) -> str:
    """Return a practice file's text with one more person in it; pure but for key files it names."""
    source = parse_source(path, text)
    meant = deepcopy(source.data)
    if not isinstance(meant.setdefault("people", []), list):
        raise _refusal(source, ("people",), "is not a list")
    meant["people"].append(dict(person))
    written = edited(text, _joining(text, person))
    return _believed(source, written, meant, ("people",))


def with_leaver(path: Path, text: str, login: str, last_day: datetime.date) -> str:
    """Return a file's text with somebody's last day in it; pure but for the key files it names."""
    source = parse_source(path, text)
    section, position = _find(source, login)
    meant = deepcopy(source.data)
    meant[section][position]["until"] = last_day.isoformat()
    node = child(child(compose(text), section), position)
    written = edited(text, _leaving(text, node, last_day.isoformat()))
    return _believed(source, written, meant, (section, position))


def _believed(source: Source, text: str, meant: dict[str, Any], where: tuple[Any, ...]) -> str:
    result = parse_source(source.path, text)
    if result.data != meant:
        raise _refusal(source, where, "is written in a form that cannot be edited safely")
    (accept if "practice" in meant else accept_provider)(result)
    return text


def _find(source: Source, login: str) -> tuple[str, int]:
    """Return in which list, and where in it, a login stands."""
    for section in ("people", "technicians"):
        entries = source.data.get(section)
        for position, entry in enumerate(entries if isinstance(entries, list) else ()):
            if isinstance(entry, dict) and entry.get("login") == login:
                return section, position
    raise PolicyError(
        [Mistake(source.name, 1, "people", f"has no login {login!r}", None, "see people list")]
    )


def _leaving(text: str, person: Node | None, last_day: str) -> Iterator[Edit]:
    if not isinstance(person, MappingNode):
        return
    written = child(person, "until")
    if written is not None:
        yield written.start_mark.index, written.end_mark.index, last_day
    elif person.flow_style:
        end = person.value[-1][1].end_mark.index
        yield end, end, f", until: {last_day}"
    else:
        margin = line_end(text) + " " * person.start_mark.column
        yield after(text, person, f"{margin}until: {last_day}")


def _joining(text: str, person: Mapping[str, Any]) -> Iterator[Edit]:
    people = child(compose(text), "people")
    end = line_end(text)
    if isinstance(people, SequenceNode) and people.value and not people.flow_style:
        margin = end + " " * people.start_mark.column
        yield after(text, people, "".join(margin + line for line in _lines(person)))
        return
    block = "".join(f"{end}  {line}" for line in _lines(person))
    if people is None:
        yield len(text), len(text), f"{'' if text.endswith(end) else end}people:{block}{end}"
    elif not people.value:
        yield people.start_mark.index, people.end_mark.index, block


def _lines(person: Mapping[str, Any]) -> list[str]:
    """Return a person as the lines of a list's item, its dash in the first column."""
    lines: list[str] = []
    for key, value in person.items():
        if isinstance(value, list | tuple) and value and isinstance(value[0], Mapping):
            lines.append(f"{key}:")
            lines += [f"  {line}" for item in value for line in _lines(item)]
        else:
            lines.append(f"{key}: {_value(value)}")
    return ["- " + lines[0], *("  " + line for line in lines[1:])]


def _value(value: str | Sequence[str]) -> str:
    if not isinstance(value, str):
        return f"[{', '.join(map(_value, value))}]"
    is_date = re.fullmatch(r"\d{4}-\d\d-\d\d", value) is not None
    plain = is_date or (_PLAIN.fullmatch(value) and value.lower() not in _WORDS)
    return value.strip() if plain else json.dumps(value, ensure_ascii=False)


def _refusal(source: Source, where: tuple[Any, ...], what: str) -> PolicyError:
    hint = "write it in lines, as inventories/example.yaml does, or edit it by hand"
    return PolicyError([source.mistake(where, what, None, hint)])
