"""Observe: everything that is asked of a host, in ONE command, and its answer as plain data.

The script goes through stdin of ``sh -s``: argv ends at 131 KB, and sudo would log it. The answer
is a managed host's output and so hostile: what makes no sense is no answer, never "no change".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from pyinfra.api import StringCommand

from rempart.engine import traits
from rempart.engine.remote import shell
from rempart.resources import KINDS, Observation, Resource

END = "end\tof\tanswer"
"""The last line of a whole answer; without it the answer was cut off."""

FACT_KINDS = frozenset(
    """
    file same bytes directory entry package inst remv unit pending healthy group user shadow
    member home residue account roster pam ageing sysctl text manifest way guard lock trait end
    permission firewall rules jail job sshd original retired brought taken admin stranger
    interfaces owned
    """.split()  # noqa: SIM905  (a list of so many strings would be harder to read)
)

VOLATILE = frozenset({"way", "guard", "lock", "inst", "remv", "end", "interfaces", "owned"})
"""Facts that say nothing about what a plan was made from."""


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
    last = ""
    for number, line in enumerate(lines, 1):
        kind, *fields = line.split("\t")
        if kind not in FACT_KINDS or not fields:
            return Unobserved(f"line {number} of its answer makes no sense")
        facts.setdefault(kind, {})[fields[0]] = tuple(fields[1:])
        last = line
    if last != END:
        return Unobserved("its answer was cut off")
    seen = Observation(facts)
    try:
        unanswered = [r.id for r in resources if not _answered(r, seen)]
        for resource in resources:
            resource.diff(seen)
    except (ValueError, IndexError, ArithmeticError) as error:
        return Unobserved(f"its answer makes no sense ({type(error).__name__})")
    if unanswered:
        return Unobserved(f"no answer about {unanswered[0]}")
    return seen


def _answered(resource: Resource, seen: Observation) -> bool:
    kind, key = ("text", resource.key.partition("#")[0]) if resource.kind == "setting" else (
        resource.kind, resource.key)  # fmt: skip
    return seen.has(kind, key)


def digest(seen: Observation) -> str:
    """Return a SHA-256 over what a plan is made from; uptime and the like are not part of it."""
    stable = {kind: facts for kind, facts in seen.facts.items() if kind not in VOLATILE}
    return hashlib.sha256(json.dumps(stable, sort_keys=True).encode()).hexdigest()
