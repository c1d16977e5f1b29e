"""Pydantic's errors in the operator's words: what is wrong, where, and what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, get_args

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from rempart.policy.base import Model
from rempart.policy.mistake import Mistake, shown
from rempart.policy.source import Location, Source

WHAT = {
    "string_type": ("must be text", "put it in quotes"),
    "int_type": ("must be a whole number", "write digits alone, without quotes"),
    "bool_type": ("must be true or false", "write true or false, without quotes"),
    "tuple_type": ("must be a list", "write one '- ' line for each entry"),
    "model_type": ("must be a mapping", "write 'key: value' lines"),
    "too_short": ("must not be empty", "write at least one entry"),
    "greater_than_equal": ("must be at least {ge}", "correct the number"),
    "less_than_equal": ("must be at most {le}", "correct the number"),
}


def explain(error: ValidationError, model: type[Model], source: Source) -> list[Mistake]:
    """Return pydantic's errors about a file as mistakes, in pydantic's order."""
    details = error.errors(include_url=False)
    return [_mistake(detail, model, source) for detail in details if not _is_echo(detail)]


def _is_echo(detail: ErrorDetails) -> bool:
    """Return whether a list is only called too short because its entries are wrong themselves."""
    return detail["type"] == "too_short" and bool(detail["input"])


def _mistake(detail: ErrorDetails, model: type[Model], source: Source) -> Mistake:
    kind, location, context = detail["type"], detail["loc"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(location, model, source)
    if kind == "missing":
        return source.mistake(
            location, "is missing", None, f"write for example {_example(model, location)}"
        )
    given = detail["input"]
    if kind == "invalid_key":
        return source.mistake(location[:-1], "a key must be text", shown(given), "put it in quotes")
    value = None if isinstance(given, dict | list | tuple) else shown(given)
    if kind == "wrong":
        show = value if context["show"] else None
        return source.mistake(location, context["message"], show, context["hint"])
    if kind == "literal_error":
        allowed = [str(choice) for choice in get_args(_field(model, location).annotation)]
        return source.mistake(location, "is not known", value, closest(str(given), allowed))
    if kind in WHAT:
        message, hint = WHAT[kind]
        return source.mistake(location, message.format(**context), value, hint)
    return source.mistake(location, detail["msg"], value, "correct it")


def _unknown_key(location: Location, model: type[Model], source: Source) -> Mistake:
    key = location[-1]
    known = [
        field.alias or name for name, field in _model(model, location[:-1]).model_fields.items()
    ]
    hint = closest(str(key), known, "known keys:")
    mistake = source.mistake(location[:-1], f"unknown key {shown(str(key))}", None, hint)
    return replace(mistake, line=source.line(location))


def closest(given: str, known: Iterable[str], all_of_them: str = "write one of") -> str:
    """Return the hint for a name that is not among the known ones."""
    names = sorted(name for name in known if name.isprintable())
    close = difflib.get_close_matches(given, names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"{all_of_them} {', '.join(names[:12])}{', …' * (len(names) > 12)}"


def _example(model: type[Model], location: Location) -> str:
    example = (_field(model, location).examples or [""])[0]
    text = example if isinstance(example, str) else str(example).replace("'", "")
    return f"{location[-1]}: {text}"


def _field(model: type[Model], location: Location) -> FieldInfo:
    fields = _model(model, location[:-1]).model_fields
    return next(f for name, f in fields.items() if location[-1] in (name, f.alias))


def _model(model: type[Model], location: Location) -> type[Model]:
    """Return the model of the mapping at a location, by way of the fields' annotations."""
    for step in location:
        if isinstance(step, str):
            field = _field(model, (step,))
            model = next(_models(field.annotation), model)
    return model


def _models(annotation: Any) -> Iterator[type[Model]]:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)
