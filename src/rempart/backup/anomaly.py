"""Anomalies: what ransomware does to files, seen from one snapshot to the next.

A host's own history is the measure: most of its files changed at once, endings that were added to
names, far more data than ever before, text that has turned into noise. The controller reads it, so
that neither the host nor the server is asked for its opinion.
"""

from __future__ import annotations

import datetime
import itertools
import json
import random
import statistics
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rempart.backup.repository import Opened
from rempart.backup.snapshots import Snapshot

MOST_PAIRS = 60
"""How many of the newest snapshots are compared one by one, each with the one before."""
LONG = datetime.timedelta(days=30)
"""Slow corruption shows over a month."""
LONG_S = 3600
"""A host with many folders takes its time."""
FEWEST_FILES = 20
CHANGED_SHARE = 0.5
RENAMED_SHARE = 0.1
GROWTH = 5
"""Times what a usual backup adds."""
MIB = 1024 * 1024
SAMPLE = 12
LEAST_NOISY = 3
TEXT, NOISE = 0.9, 0.99
"""What zlib leaves of a file that it can shorten, and of one that it cannot."""


@dataclass(frozen=True)
class Change:
    """What is different from one snapshot to a later one."""

    files_before: int
    bytes_before: int
    modified: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    added_bytes: int


def find(opened: Opened, genuine: Sequence[Snapshot], unseen: int) -> list[str]:
    """Return what looks like an attack in the last ``unseen`` snapshots.

    ``genuine`` are all that nothing speaks against, oldest first: the earlier ones are what these
    are measured by.
    """
    all_pairs = list(itertools.pairwise(genuine))[-unseen:] if unseen else []
    if not all_pairs:
        return []
    # After a long time without a look the first step is a long one.
    pairs = all_pairs[-MOST_PAIRS:]
    if len(all_pairs) > len(pairs):
        pairs.insert(0, (all_pairs[0][0], pairs[0][0]))
    found: list[str] = []
    additions: list[int] = []
    files, size = _extent(opened, pairs[0][0])
    for older, newer in pairs:
        change = compare(opened, older, newer, files, size)
        said = [*judged(change, additions), *_noisy(opened, older, newer, change.modified)]
        found += [f"{newer.id[:8]}: {why}" for why in said]
        additions.append(change.added_bytes)
        files += len(change.added) - len(change.removed)
        size += change.added_bytes
    return found or _over_a_month(opened, genuine, pairs)


def compare(
    opened: Opened, older: Snapshot, newer: Snapshot, files_before: int, bytes_before: int
) -> Change:
    """Return what changed between two snapshots; RepositoryError when restic cannot tell."""
    paths: dict[str, list[str]] = {"M": [], "+": [], "-": []}
    added = 0
    said = opened.run("diff", "--json", older.id, newer.id, timeout_s=LONG_S)
    for line in said.splitlines():
        message = json.loads(line)
        if message["message_type"] == "statistics":
            added = message["added"]["bytes"]
        elif message["modifier"][:1] in paths and not message["path"].endswith("/"):
            paths[message["modifier"][:1]].append(message["path"])
    return Change(
        files_before=files_before,
        bytes_before=bytes_before,
        modified=tuple(paths["M"]),
        added=tuple(paths["+"]),
        removed=tuple(paths["-"]),
        added_bytes=added,
    )


def _extent(opened: Opened, snapshot: Snapshot) -> tuple[int, int]:
    """Return how many files a snapshot has, and their bytes."""
    stats = json.loads(
        opened.run("stats", "--json", "--mode", "restore-size", snapshot.id, timeout_s=LONG_S)
    )
    return stats.get("total_file_count", 0), stats.get("total_size", 0)


def judged(change: Change, additions: Sequence[int]) -> list[str]:
    """Return what speaks against a change, beside what earlier backups added. Pure."""
    found = []
    touched = len(change.modified) + len(change.removed)
    if touched >= max(FEWEST_FILES, CHANGED_SHARE * change.files_before):
        found.append(f"{touched} of {change.files_before} files changed or gone at once")
    endings = _endings(change)
    if endings and endings[0][1] >= max(FEWEST_FILES / 2, RENAMED_SHARE * change.files_before):
        found.append(f"{endings[0][1]} files have a new ending: {endings[0][0]}")
    usual = max(statistics.median(additions) if additions else 0, change.bytes_before / GROWTH)
    if change.added_bytes > GROWTH * max(usual, MIB):
        times = change.added_bytes / max(usual, 1)
        found.append(f"{change.added_bytes} bytes more, {times:.0f} times as usual")
    return found


def _endings(change: Change) -> list[tuple[str, int]]:
    """Return endings that names have got, the most frequent first."""
    removed = set(change.removed)
    got: Counter[str] = Counter()
    for path in change.added:
        stem, dot, ending = path.rpartition(".")
        if dot and stem in removed:
            got[f".{ending}"] += 1
    return got.most_common()


def _noisy(opened: Opened, older: Snapshot, newer: Snapshot, modified: Sequence[str]) -> list[str]:
    """Tell whether files that could be shortened before cannot any more, by a random sample."""
    if len(modified) < LEAST_NOISY:
        return []
    noise = 0
    for path in random.SystemRandom().sample(modified, min(SAMPLE, len(modified))):
        before, after = (opened.head(each.id, path, MIB) for each in (older, newer))
        noise += _left(before) < TEXT and _left(after) > NOISE
    return [f"{noise} of some changed files have turned into noise"] if noise >= LEAST_NOISY else []


def _left(content: bytes) -> float:
    """Return how much of a file zlib leaves; of a short one nothing can be told."""
    return len(zlib.compress(content)) / len(content) if len(content) >= 256 else TEXT


def _over_a_month(
    opened: Opened, genuine: Sequence[Snapshot], seen: Sequence[tuple[Snapshot, Snapshot]]
) -> list[str]:
    """Compare the newest snapshot with one of a month before, or the oldest there is."""
    newest = genuine[-1]
    assert newest.arrived is not None
    long_ago = [each for each in genuine if each.arrived and newest.arrived - each.arrived >= LONG]
    older = long_ago[-1] if long_ago else genuine[0]
    if (older, newest) in seen:
        return []
    change = compare(opened, older, newest, 0, 0)
    said = _noisy(opened, older, newest, change.modified)
    return [f"{newest.id[:8]}: over a month, {why}" for why in said]
