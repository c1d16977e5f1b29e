"""Sabotage: what a drill reads is spoilt, in a view beside the repository, to see it go red.

No copy is touched. Where a drill stays green then, it proves nothing when it is green otherwise.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum

from pydantic import SecretStr

from rempart.backup.ask import ask, document
from rempart.backup.place import Place
from rempart.engine.run import Run
from rempart.engine.session import each_host
from rempart.engine.transport import TransportError
from rempart.policy import Policy
from rempart.resources.base import call, encoded


class Sabotage(StrEnum):
    """Ways to spoil what a drill reads."""

    CORRUPT_PACK = "corrupt-pack"
    MISSING_PACK = "missing-pack"
    WRONG_PASSWORD = "wrong-password"
    STALE_SNAPSHOT = "stale-snapshot"
    EMPTY_SOURCE = "empty-source"
    POISONED_INDEX = "poisoned-index"

    @property
    def is_of_the_host(self) -> bool:
        """Tell whether the host spoils it, and no view is needed."""
        return self in (Sabotage.WRONG_PASSWORD, Sabotage.EMPTY_SOURCE)


@contextmanager
def spoilt(
    policy: Policy,
    mode: Sabotage,
    places: Mapping[Place, datetime.datetime],
    passwords: Mapping[Place, SecretStr],
    today: datetime.date,
) -> Iterator[dict[Place, str]]:
    """Have servers lay views in which all is spoilt that came since a moment; take them away after.

    Yield why a place has none. An index takes the password, which the server has for that time.
    """
    if mode.is_of_the_host:
        yield {}
        return

    def orders(mode: str) -> dict[Place, str]:
        return {
            place: json.dumps(
                {
                    "mode": mode,
                    "since": since.isoformat(),
                    "password": passwords[place].get_secret_value() if place in passwords else "",
                }
            )
            for place, since in places.items()
        }

    try:
        yield _lay(policy, orders(mode), today)
    finally:
        _lay(policy, orders(""), today)


def _lay(policy: Policy, orders: Mapping[Place, str], today: datetime.date) -> dict[Place, str]:
    """Return why a place has no view."""

    def work(run: Run) -> dict[Place, str]:
        here = {place: order for place, order in orders.items() if place.server == run.subject}
        script = "".join(
            call("sabotage", place.name, stdin=encoded(order)) for place, order in here.items()
        )
        answers = {line[1]: line[2] for line in ask(run, script) if len(line) == 3}
        said = {place: _said(answers.get(place.name, "")) for place in here}
        return {place: why for place, why in said.items() if why}

    def failed(server: str, why: str) -> dict[Place, str]:
        return {place: why for place in orders if policy.host_id(place.server) == server}

    servers = sorted({place.server.name for place in orders})
    found: dict[Place, str] = {}
    for each in each_host(policy, servers, today, work, failed):
        found |= each
    return found


def _said(answer: str) -> str:
    """Return why there is no view, or ''."""
    try:
        found = document(answer)
    except TransportError as error:
        return str(error)
    return "" if found.get("ok") is True else str(found.get("why", "it does not say why"))[:500]
