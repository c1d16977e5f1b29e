"""Journal: each run leaves on the host who did what, when, and by which policy."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rempart import __version__
from rempart.engine.lock import Lock
from rempart.policy import Policy
from rempart.resources.base import write_state

SCHEMA = 1


def policy_digest(policy: Policy) -> str:
    """Return a SHA-256 of everything the policy says, whatever its layout and its order."""
    plain = _ordered(policy.model_dump(mode="json"))
    return hashlib.sha256(json.dumps(plain).encode()).hexdigest()


def _ordered(value: Any) -> Any:
    """Return plain data with its lists sorted."""
    if isinstance(value, dict):
        return {key: _ordered(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return sorted(map(_ordered, value), key=json.dumps)
    return value


def entry(lock: Lock, policy: Policy, before: str, changed: Sequence[str]) -> str:
    """Return the text of a run's entry.

    ``before`` is the digest of what was observed, ``changed`` the labels of what was done. No
    content of files stands in it, so no secret does.
    """
    document = {
        "schema": SCHEMA,
        "rempart": __version__,
        "run": lock.run,
        "by": lock.owner,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "policy": policy_digest(policy),
        "before": before,
        "changed": list(changed),
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def write_script(run: str, text: str) -> str:
    """Return sh that keeps an entry as ``/var/lib/rempart/journal/<run>.json``, root only."""
    return write_state(f"journal/{run}.json", text)
