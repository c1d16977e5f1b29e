"""What leaving a host takes, decided from what was seen there. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rempart.engine import manifest
from rempart.engine.diff import order, reloads
from rempart.engine.manifest import Manifest, Owned
from rempart.enroll.account import HOME
from rempart.hardening.accounts import SSH_GROUP
from rempart.resources import Change, Observation
from rempart.resources.base import call

LAST = "farewell:host"
"""The id of the change that takes our own way in away."""


@dataclass(frozen=True)
class Leaver:
    """Whose account goes last, and who asked for it, as the host's log names him."""

    user: str
    by: str


def restoring(seen: Observation, leaver: Leaver) -> list[Change]:
    """Return what brings back the host as it was before rempart, in order, the farewell last."""
    owned = given_up(seen, leaver)
    given = [change for change in manifest.farewell(owned, seen) if change.script]
    installed = [change for change in given if change.id.startswith("package:")]
    changes = [change for change in given if not change.id.startswith("package:")]
    changes += reloads((), seen, given)
    changes.sort(key=order)
    packages = _packages(owned, seen, installed)
    return [*changes, *_put_back(seen), *packages, _last(leaver, keep=False)]


def handing_over(leaver: Leaver) -> list[Change]:
    """Return what leaves the hardening in place and takes away rempart's own traces."""
    return [_last(leaver, keep=True)]


def given_up(seen: Observation, leaver: Leaver) -> Manifest:
    """Return what is still to be given up: all that is owned but our way in, and files put back."""
    ours = {f"user:{leaver.user}", f"group:{SSH_GROUP}"}
    kept = seen.facts.get("original", {})
    owned = {
        key: entry
        for key, entry in manifest.load(seen).items()
        if key not in ours and (not key.startswith("file:") or key[5:] in kept)
    }
    # Whoever has left has an account that rempart made and wants no more.
    for login in seen.facts.get("retired", {}):
        owned[f"user:{login}"] = Owned(f"user:{login}", "accounts", True, "", ("absent",), "")
    return owned


def accounts_gone(owned: Manifest) -> set[str]:
    """Return the logins whose account goes."""
    return {
        key[5:] for key, entry in owned.items()
        if key.startswith("user:") and entry.original == ("absent",)
    }  # fmt: skip


def groups_after(owned: Manifest, seen: Observation) -> dict[str, set[str]]:
    """Return the groups that older accounts will be in, by login, where rempart decided on some."""
    found = {}
    for key, entry in owned.items():
        if key.startswith("user:") and len(entry.original) == 6:
            login, (*_, inside, managed) = key[5:], entry.original
            now = (*seen.get("admin", login), "", "", "")[2].split(",")
            found[login] = set(now) - set(managed.split(",")) | set(inside.split(","))
    return found


def not_put_back(seen: Observation) -> list[str]:
    """Return the paths whose original stays away, because something newer stands there."""
    return [path for path, (kept, there, *_) in _unclaimed(seen).items()
            if (kept, there) == ("kept", "taken")]  # fmt: skip


def _unclaimed(seen: Observation) -> dict[str, tuple[str, ...]]:
    """Return the originals of what is owned no more, such as keys that the policy did not name."""
    owned = manifest.load(seen)
    originals = seen.facts.get("original", {})
    return {path: fields for path, fields in sorted(originals.items())
            if f"file:{path}" not in owned}  # fmt: skip


def _put_back(seen: Observation) -> list[Change]:
    return [
        _change(
            f"file:{path}",
            f"Put back {path}",
            ["+ the original, kept on the host"],
            call("mkdir", "-p", path.rpartition("/")[0]) + call("restore_file", path),
        )
        for path, (kept, there, *_) in _unclaimed(seen).items()
        if (kept, there) == ("kept", "free")
    ]


def _packages(owned: Manifest, seen: Observation, installed: Sequence[Change]) -> list[Change]:
    along = [name for name in sorted(seen.facts.get("brought", {}))
             if f"package:{name}" not in owned]  # fmt: skip
    taken = sorted(seen.facts.get("taken", {}).items())
    changes = []
    if installed:
        names = sorted(change.id.partition(":")[2] for change in installed)
        lines = [line for change in installed for line in change.diff]
        label = "Remove the packages that rempart installed"
        changes.append(_change("package:ours", label, lines, call("purge_unneeded", *names)))
    if along:
        lines = [f"- {name}, unless it is needed by now" for name in along]
        label = "Remove the packages that came along"
        changes.append(_change("package:along", label, lines, call("purge_brought", *along)))
    if taken:
        words = [word for name, (mark, *_) in taken for word in (name, mark)]
        lines = [f"+ {name}" for name, _ in taken]
        label = "Install again what was removed"
        changes.append(_change("package:taken", label, lines, call("install_again", *words)))
    return changes


def _last(leaver: Leaver, *, keep: bool) -> Change:
    lines = [
        "- /var/lib/rempart: manifest, originals, journal; /run/rempart",
        f"- account {leaver.user}, its key, {HOME}, /etc/sudoers.d/rempart",
    ]
    group = "" if keep else SSH_GROUP
    return _change(
        LAST,
        f"Take away the account {leaver.user} and all that rempart keeps here",
        lines + ([f"- group {SSH_GROUP}"] if group else []),
        call("farewell", leaver.user, HOME, group, leaver.by),
    )


def _change(change_id: str, label: str, lines: list[str], script: str) -> Change:
    return Change(change_id, "leftovers", (), "release", label, tuple(lines), False, script)
