"""Manifest: what rempart owns on a host, so that nothing it no longer wants stays behind.

``/var/lib/rempart/manifest.json`` names every object, the state it replaced and the version that
wrote it. It is claimed before the changes (an interrupted run leaves no orphan) and settled after.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from rempart import __version__
from rempart.engine.printable import printable
from rempart.errors import RempartError
from rempart.resources import KINDS, Change, Directory, File, Observation, Resource
from rempart.resources.base import TooLongError, call, write_state

SCHEMA = 1

LARGEST = 512 * 1024
"""Characters of its base64; a hardened host's has an eighth."""

MOST_OBJECTS = 1_000
MOST_WORDS = 10_000
"""Of all objects' originals and reloads together."""


@dataclass(frozen=True)
class Owned:
    """One object in the manifest."""

    id: str
    concern: str
    risky: bool
    digest: str
    original: tuple[str, ...]
    version: str
    reloads: tuple[str, ...] = ()
    secret: bool = False
    """Its bytes are shown in no diff and never leave the host."""


Manifest = dict[str, Owned]

_UNSENDABLE = re.compile("[\0\ud800-\udfff]")


class NewerError(RempartError):
    """The manifest was written by a rempart that knows more than this one."""


def load(seen: Observation) -> Manifest:
    """Return the host's manifest.

    Raises:
        ValueError: the host sent something else.
        NewerError: this rempart would give up what a newer one wants.
    """
    (encoded, *_) = seen.get("manifest", "json")
    return {} if encoded == "absent" else dict(_read(encoded))


@lru_cache(maxsize=4)  # a run reads one host's a dozen times before it asks the host again
def _read(encoded: str) -> Manifest:
    if len(encoded) > LARGEST:
        raise TooLongError(f"its manifest is longer than {LARGEST // 1024} KiB")
    try:
        document = json.loads(base64.b64decode(encoded, validate=True))
        _refuse_newer(document["schema"], str(document["rempart"]))
        objects = document["objects"]
        words = sum(len(each["original"]) + len(each["reloads"]) for each in objects.values())
        if len(objects) > MOST_OBJECTS or words > MOST_WORDS:
            raise TooLongError(f"its manifest names more than {MOST_OBJECTS} objects")
        return {key: _owned(key, entry) for key, entry in objects.items()}
    except (binascii.Error, KeyError, TypeError, AttributeError) as error:
        raise ValueError("manifest is damaged") from error


def _refuse_newer(schema: int, version: str) -> None:
    if schema > SCHEMA or _numbers(version) > _numbers(__version__):
        raise NewerError(
            f"it was set up by a newer rempart (got {printable(version)[:40]}, this is"
            f" {__version__}); install that version or a later one here"
        )


def _numbers(version: str) -> list[int]:
    """Return ``[0, 1, 0]`` for ``0.1.0``, also for ``0.1.0.dev3`` and ``0.1.0rc1``."""
    match = re.match(r"\d+(\.\d+)*", version[:40])
    if not match:
        raise ValueError("manifest is damaged")
    return [int(number) for number in match[0].split(".")]


def _owned(key: str, entry: dict[str, Any]) -> Owned:
    kind, _, rest = key.partition(":")
    if kind not in KINDS or not rest or not rest.isprintable():
        raise ValueError("manifest is damaged")
    owned = Owned(
        id=key,
        concern=str(entry["concern"]),
        risky=bool(entry["risky"]),
        digest=str(entry["digest"]),
        original=tuple(map(str, entry["original"])),
        version=str(entry["version"]),
        reloads=tuple(map(str, entry["reloads"])),
        secret=bool(entry.get("secret", False)),
    )
    # JSON can write what no terminal should show, and half characters that cannot be sent.
    shown = "".join((owned.concern, owned.digest, owned.version, *owned.reloads))
    if printable(shown) != shown or _UNSENDABLE.search("".join(owned.original)):
        raise ValueError("manifest is damaged")
    return owned


def claimed(owned: Manifest, desired: Sequence[Resource], seen: Observation) -> Manifest:
    """Return the manifest with every wanted object in it; originals once kept stay."""
    claims = dict(owned)
    for resource in desired:
        before = owned.get(resource.id)
        same = before and before.digest == resource.digest
        claims[resource.id] = Owned(
            id=resource.id,
            concern=resource.concern,
            risky=resource.risky,
            digest=resource.digest,
            original=resource.kept(before.original, seen) if before else resource.original(seen),
            version=before.version if before and same else __version__,
            reloads=resource.reloads,
            secret=isinstance(resource, File) and resource.secret,
        )
    return claims


def settled(owned: Manifest, desired: Sequence[Resource]) -> Manifest:
    """Return the manifest without what is no longer wanted."""
    wanted = {resource.id for resource in desired}
    return {key: entry for key, entry in owned.items() if key in wanted}


def releases(owned: Manifest, desired: Sequence[Resource], seen: Observation) -> list[Change]:
    """Return the changes that give up what is owned and no longer wanted, in no order."""
    wanted = {resource.id for resource in desired}
    exclusive = {r.path for r in desired if isinstance(r, Directory) and r.only is not None}
    orphans = [entry for key, entry in owned.items() if key not in wanted]
    return [_release(entry, exclusive, seen) for entry in orphans]


def farewell(owned: Manifest, seen: Observation) -> list[Change]:
    """Return the changes that give everything up and leave the host as it was, in no order."""
    return [_release(entry, (), seen, for_good=True) for entry in owned.values()]


def _release(
    entry: Owned, exclusive: Collection[str], seen: Observation, *, for_good: bool = False
) -> Change:
    kind, _, key = entry.id.partition(":")
    give_up = KINDS[kind].release if for_good else KINDS[kind].undo
    lines, script = give_up(key, entry.original, seen)
    if entry.secret:
        lines = ["<secret>", *(line for line in lines if line.startswith("+ "))]
    if kind == "file" and key.rpartition("/")[0] in exclusive:
        # The folder holds nothing but what is wanted: no original comes back into it.
        lines, script = ["- not named by the policy"], call("remove_file", key)
    marks = "".join(call("mark_pending", unit) for unit in entry.reloads)
    return Change(
        id=entry.id,
        concern=entry.concern,
        controls=(),
        action="release",
        label=f"Give up {key}",
        diff=tuple(lines),
        risky=entry.risky,
        script=marks + script,
        touches=KINDS[kind].touches(key),
        reloads=entry.reloads,
    )


def correction(desired: Sequence[Resource], seen: Observation) -> list[Change]:
    """Return the one change of a host that is as wanted but whose manifest does not say so."""
    owned = load(seen)
    wanted = settled(claimed(owned, desired, seen), desired)
    if wanted == owned:
        return []
    names = sorted(key for key in wanted.keys() | owned.keys() if wanted.get(key) != owned.get(key))
    return [
        Change(
            id="manifest:json",
            concern="manifest",
            controls=(),
            action="update",
            label="Record what rempart owns",
            diff=tuple(f"~ {name}" for name in names),
            risky=False,
        )
    ]


def render(owned: Manifest) -> str:
    """Return the file's text; every object starts a line, which the observation relies on."""
    objects = {
        key: {
            "concern": entry.concern,
            "risky": entry.risky,
            "digest": entry.digest,
            "original": list(entry.original),
            "version": entry.version,
            "reloads": list(entry.reloads),
            "secret": entry.secret,
        }
        for key, entry in owned.items()
    }
    document = {"schema": SCHEMA, "rempart": __version__, "objects": objects}
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def write_script(owned: Manifest) -> str:
    """Return sh that replaces the manifest on the host."""
    return write_state("manifest.json", render(owned))
