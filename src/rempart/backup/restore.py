"""Restore: a host brings files back, straight from the server: its own, or what another had."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from rempart.backup.ask import Lines, ask, document
from rempart.backup.enable import known_hosts
from rempart.backup.place import Place, place_at, server_of
from rempart.backup.start import LONGEST_S
from rempart.engine.run import Run
from rempart.engine.session import each_host
from rempart.engine.transport import TransportError
from rempart.policy import Host, Policy
from rempart.resources.base import call, encoded
from rempart.vault import Vault, new_generation

LONGEST = datetime.timedelta(seconds=LONGEST_S)


@dataclass(frozen=True)
class Order:
    """What is to come back where."""

    snapshot: str
    into: PurePosixPath
    """The folder below which the files lie afterwards, with their whole paths."""
    paths: tuple[PurePosixPath, ...] = ()
    """All of the snapshot without."""
    rewound: bool = False
    """From the view that was laid by the last rewind."""


class Restored(BaseModel):
    """What a host says came of it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    ok: bool
    missing: tuple[str, ...] = ()
    """Wanted paths that are not in the snapshot."""
    error: str = ""


def restore(policy: Policy, place: Place, order: Order, today: datetime.date) -> Restored:
    """Have a host restore from one of its places; what went wrong is in the result."""

    def work(run: Run) -> Restored:
        text = encoded(json.dumps(_plain(order)))
        script = call("restore", place.target.name, str(order.into), stdin=text)
        return _answer(ask(run, script, LONGEST_S))

    return _one(policy, place.host, today, work)


def restore_elsewhere(
    vault: Vault, place: Place, other: Host, order: Order, now: datetime.datetime
) -> Restored:
    """Have another host restore a place's files, with a key that it is lent for that time.

    The key ends by itself if it cannot be taken back. Password and key are in that host's memory
    alone.
    """
    policy, today, lent = vault.policy, now.date(), new_generation(now)
    there = place_at(policy, other, place.target)
    line = encoded(place.lent_key_line(there, lent.public_key, now + LONGEST) + "\n")
    secrets = {
        "password": vault.secret(place.host.name, place.target.name).password,
        "key": lent.private_key,
        "known_hosts": SecretStr(known_hosts(policy, there)),
    }
    text = json.dumps(
        {
            **_plain(order),
            "wanted": {"server": server_of(there, place.user)},
            "secrets": {name: each.get_secret_value() for name, each in secrets.items()},
        }
    )

    def on_server(function: str) -> Callable[[Run], Restored]:
        def work(run: Run) -> Restored:
            ask(run, call(function, place.user, stdin=line))
            return Restored(ok=True)

        return work

    def work(run: Run) -> Restored:
        script = call("restore_of_another", str(order.into), stdin=encoded(text))
        return _answer(ask(run, script, LONGEST_S))

    lending = _one(policy, place.server, today, on_server("lend_key"))
    if not lending.ok:
        return lending
    try:
        return _one(policy, other, today, work)
    finally:
        _one(policy, place.server, today, on_server("return_key"))


def _plain(order: Order) -> dict[str, Any]:
    return {
        "snapshot": order.snapshot,
        "into": str(order.into),
        "paths": [str(path) for path in order.paths],
        "rewound": order.rewound,
    }


def _answer(lines: Lines) -> Restored:
    answers = [line[1] for line in lines if line[0] == "restored"]
    try:
        return Restored.model_validate(document("".join(answers)))
    except ValidationError:
        raise TransportError("its answer makes no sense") from None


def _one(
    policy: Policy, host: Host, today: datetime.date, work: Callable[[Run], Restored]
) -> Restored:
    def failed(name: str, why: str) -> Restored:
        return Restored(ok=False, error=why)

    (found,) = each_host(policy, [host.name], today, work, failed)
    return found
