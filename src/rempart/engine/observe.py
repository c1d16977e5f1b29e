"""Observe: everything that is asked of a host, in ONE command, and its answer as plain data.

The script goes through stdin of ``sh -s``: argv ends at 131 KB, and sudo would log it. The answer
is a managed host's output and so hostile: what makes no sense is no answer, never "no change".
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from pyinfra.api import StringCommand

from rempart.engine import traits
from rempart.engine.remote import shell
from rempart.resources import KINDS, Observation, Resource, Unit
from rempart.resources.base import TooLongError

END = "end\tof\tanswer"
"""The last line of a whole answer; without it the answer was cut off."""

FACT_KINDS = frozenset(
    """
    file same bytes directory entry package inst remv unit pending healthy group user shadow
    member home residue account roster pam ageing sysctl text manifest way guard lock trait end
    permission firewall rules jail job sshd original retired brought taken admin stranger left
    interfaces owned
    """.split()  # noqa: SIM905  (a list of so many strings would be harder to read)
)

VOLATILE = frozenset({"way", "guard", "left", "lock", "inst", "remv", "end", "interfaces", "owned"})
"""Facts that say nothing about what a plan was made from."""

MOST_FACTS = 1_000
"""Of one kind; a hardened host has some fifty."""

MOST_CHARACTERS = 64 * 1024
"""Of all facts of one kind, but for those that are whole files."""

FILES = frozenset({"text", "bytes", "manifest"})
"""Facts that are whole files in base64."""

MOST_LINES = 3_000
"""Of all files of one kind; a hardened host has 800."""


@dataclass(frozen=True)
class Unobserved:
    """A host whose state is not known, and why. Never counted as clean."""

    reason: str


Answer = Observation | Unobserved


def script(resources: Sequence[Resource], also: str = "") -> str:
    """Return the sh that observes all resources, one probe per kind; ``also`` asks for more."""
    parts = [shell("lock"), shell("probe"), traits.probe(), "probe_lock before\nprobe_self\n"]
    parts.append("probe_strangers\n")
    ordered = sorted(resources, key=lambda resource: resource.rank)
    for kind, group in groupby(ordered, key=lambda resource: resource.kind):
        parts.append(KINDS[kind].probe(list(group)))
    parts += [shell("foreign"), "probe_foreign\n", also]
    parts.append("probe_lock after\n")
    parts.append(f"printf '{END}\\n'\n".replace("\t", "\\t"))
    return "".join(parts)


def question(resources: Sequence[Resource], also: str = "") -> StringCommand:
    """Return the one command that observes a host; it reads the script from its stdin."""
    return StringCommand("sh", "-s", _stdin=script(resources, also), _sudo=True)


def parse(lines: Iterable[str], resources: Sequence[Resource]) -> Answer:
    """Return the facts of an answer, or why it is none.

    >>> parse(["group\\tsudo\\t27", END], [])
    Observation(facts={'group': {'sudo': ('27',)}, 'end': {'of': ('answer',)}})
    """
    facts: dict[str, dict[str, tuple[str, ...]]] = {}
    characters: Counter[str] = Counter()
    last = ""
    for number, line in enumerate(lines, 1):
        kind, *fields = line.split("\t")
        if kind not in FACT_KINDS or not fields:
            return Unobserved(f"line {number} of its answer makes no sense")
        facts.setdefault(kind, {})[fields[0]] = tuple(fields[1:])
        characters[kind] += len(line)
        last = line
    if last != END:
        return Unobserved("its answer was cut off")
    seen = Observation(facts)
    try:
        _refuse_too_much(facts, characters)
        unanswered = [r.id for r in resources if not _answered(r, seen)]
        for resource in resources:
            resource.diff(seen)
    except TooLongError as error:
        return Unobserved(str(error))
    except (ValueError, IndexError, ArithmeticError) as error:
        return Unobserved(f"its answer makes no sense ({type(error).__name__})")
    if unanswered:
        return Unobserved(f"no answer about {unanswered[0]}")
    return seen


def _refuse_too_much(
    facts: Mapping[str, Mapping[str, Sequence[str]]], characters: Mapping[str, int]
) -> None:
    """Raise TooLongError for more than a real host has: all that follows costs by the number."""
    for kind, found in facts.items():
        if len(found) > MOST_FACTS or (kind not in FILES and characters[kind] > MOST_CHARACTERS):
            raise TooLongError(f"its answer about every {kind} is too long; see what is there")
    for kind in ("text", "bytes"):
        files = [fields[0] for fields in facts.get(kind, {}).values()]
        sent = (base64.b64decode(each) for each in files if each not in ("absent", "-"))
        if sum(each.count(b"\n") for each in sent) > MOST_LINES:
            raise TooLongError(f"the files that it sent have more than {MOST_LINES} lines")


def _answered(resource: Resource, seen: Observation) -> bool:
    kind, key = ("text", resource.key.partition("#")[0]) if resource.kind == "setting" else (
        resource.kind, resource.key)  # fmt: skip
    return seen.has(kind, key)


def digest(seen: Observation, resources: Sequence[Resource]) -> str:
    """Return a SHA-256 over what a plan is made from; what comes and goes by itself is no part.

    That is the uptime and the like, and whether a unit runs of which neither is wanted: a scanner,
    say, that starts when something is to be scanned.
    """
    stable: dict[str, Any] = {k: facts for k, facts in seen.facts.items() if k not in VOLATILE}
    if units := stable.get("unit"):
        free = {r.unit for r in resources if isinstance(r, Unit) and r.running is None}
        stable["unit"] = {
            name: (*state[:1], *state[2:]) if name in free else state
            for name, state in units.items()
        }
    return hashlib.sha256(json.dumps(stable, sort_keys=True).encode()).hexdigest()
