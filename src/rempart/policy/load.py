"""A policy file and its provider file become a `Policy`, or all their mistakes at once."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from rempart.policy.base import Model
from rempart.policy.crosscheck import crosscheck
from rempart.policy.explain import explain
from rempart.policy.identity import crosscheck_provider
from rempart.policy.mistake import Mistake, PolicyError, shown
from rempart.policy.model import Policy
from rempart.policy.provider import Provider
from rempart.policy.source import Source, nulls, read_source

ModelT = TypeVar("ModelT", bound=Model)


def load(path: Path) -> Policy:
    """Return the policy that a YAML file holds; `PolicyError` with all mistakes, sorted by line.

    A past exception is no mistake here: it just no longer counts. `find_mistakes` reports it.
    """
    return accept(read_source(Path(path)))


def accept(source: Source) -> Policy:
    """Return the policy of a file that has been read; `PolicyError` as for `load`."""
    policy, mistakes = _examine(source, None)
    if policy is None or mistakes:
        raise PolicyError(mistakes)
    return policy


def accept_provider(source: Source) -> Provider:
    """Return the provider of a file that has been read; `PolicyError` as for `load`."""
    provider, mistakes = _examine_provider(source)
    if provider is None or mistakes:
        raise PolicyError(mistakes)
    return provider


def find_mistakes(path: Path, today: datetime.date) -> tuple[Policy | None, list[Mistake]]:
    """Return the policy, when it can be used, and all its mistakes, past exceptions among them."""
    try:
        return _examine(read_source(Path(path)), today)
    except PolicyError as error:
        return None, list(error.mistakes)


def _examine(source: Source, today: datetime.date | None) -> tuple[Policy | None, list[Mistake]]:
    provider, provider_mistakes = _load_provider(source)
    data: dict[str, Any] = {**_defaults(provider), **source.data}
    # When the provider cannot be used, its own mistakes say so.
    policy, mistakes = _validate(Policy, source, data | {"provider": provider})
    mistakes = [mistake for mistake in mistakes if mistake.path != "provider"]
    mistakes += [source.mistake(*finding) for finding in crosscheck(source, provider, today)]
    mistakes += provider_mistakes
    return policy, sorted(mistakes, key=lambda m: (m.file != source.name, m.line, m.path))


def _load_provider(source: Source) -> tuple[Provider | None, list[Mistake]]:
    name = source.data.get("provider")
    if not isinstance(name, str) or not name.isprintable():
        hint = "write the path of the provider's file, for example provider: provider.yaml"
        return None, [source.mistake(("provider",), "must name a file", None, hint)]
    try:
        # The name stays as it was written, so that messages show a path that can be opened.
        provider_source = read_source(Path(source.name).parent / name)
    except PolicyError as error:
        where = source.mistake(("provider",), "cannot be used", shown(name), "see its mistake")
        return None, [where, *error.mistakes]
    return _examine_provider(provider_source)


def _examine_provider(source: Source) -> tuple[Provider | None, list[Mistake]]:
    provider, mistakes = _validate(Provider, source, source.data)
    if provider:
        mistakes += [source.mistake(*found) for found in crosscheck_provider(provider)]
    return provider, mistakes


def _defaults(provider: Provider | None) -> dict[str, Any]:
    if provider is None:
        return {}
    return provider.defaults.model_dump(exclude_none=True)


def _validate(
    model: type[ModelT], source: Source, data: dict[str, Any]
) -> tuple[ModelT | None, list[Mistake]]:
    """Return the model, if the data gives one, and the mistakes of that file."""
    empty = [
        source.mistake(location, "is empty", None, "fill it in or remove the key")
        for location in nulls(source.data)
    ]
    places = {mistake.path for mistake in empty}
    try:
        return model.model_validate(data, context=source.context), empty
    except ValidationError as error:
        wrong = explain(error, model, source)
        return None, empty + [mistake for mistake in wrong if mistake.path not in places]
