"""Who shall read a vault from now on, and what somebody who no longer shall must not know: pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from rempart.vault.content import Content, Generation, with_pending
from rempart.vault.error import VaultError
from rempart.vault.recipient import Recipient, check_recipients

Place = tuple[str, str]
"""Host and target."""


@dataclass(frozen=True)
class Rekey:
    """The next version of a vault, and what it changes for whom."""

    recipients: tuple[Recipient, ...]
    added: tuple[Recipient, ...]
    dropped: tuple[Recipient, ...]
    content: Content
    rotated: tuple[Place, ...]
    """Host and target of what got new secrets, pending until the hosts have them."""
    remaining: tuple[str, ...]
    """What somebody who was removed may still know or have, line by line."""

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to save."""
        return bool(self.added or self.dropped or self.rotated)


def rekeyed(
    before: Sequence[Recipient],
    content: Content,
    present: Sequence[Recipient],
    offline: Sequence[Recipient],
    removed: Collection[str],
    make: Callable[[], Generation],
    renewed: Collection[str] = (),
) -> Rekey:
    """Return the next version of a vault.

    Args:
        before: its recipients until now.
        content: what it holds.
        present: the technicians' keys as the policy has them now.
        offline: offline keys that come in.
        removed: logins, offline keys' names or keys (`Recipient.id`) that shall know nothing.
        make: makes new secrets.
        renewed: hosts that were somebody else's, and so are their secrets.

    Raises:
        VaultError: a renewed host has no secrets; a removed one is still in the policy or was never
            a reader; no offline key is left; two keys have one name.
    """
    kept = [r for r in before if r.kind == "offline" and not {r.name, r.id} & {*removed}]
    after = (*present, *kept, *(each for each in offline if each not in kept))
    _check_removed(removed, before, content, after)
    check_recipients(after)
    rotated = [place for who in sorted(removed) for place in known_to(content, who)]
    rotated += [place for host in sorted(renewed) for place in _secrets_of(content, host)]
    for host, target in dict.fromkeys(rotated):
        content = with_pending(content, host, target, make())
    return Rekey(
        recipients=after,
        added=tuple(each for each in after if each not in before),
        dropped=tuple(each for each in before if each not in after),
        content=content,
        rotated=tuple(dict.fromkeys(rotated)),
        remaining=tuple(line for who in sorted(removed) for line in _remaining(content, who, kept)),
    )


def _secrets_of(content: Content, host: str) -> list[Place]:
    found = [(entry.host, entry.target) for entry in content.entries if entry.host == host]
    if not found:
        raise VaultError(f"{host}: the vault has no secret of such a host")
    return found


def known_to(content: Content, who: str) -> list[Place]:
    """Return the hosts and targets whose newest secrets somebody could read at any time."""
    return [(e.host, e.target) for e in content.entries if e.newest.was_read_by(who)]


def exposed(content: Content, recipients: Collection[Recipient]) -> dict[str, list[Place]]:
    """Return who is no recipient any more and still knows newest secrets, and which."""
    present = {each.key for each in recipients}
    gone = {
        reader.name if not any(r.name == reader.name for r in recipients) else reader.id: None
        for entry in content.entries
        for reader in entry.newest.readers
        if reader.key not in present
    }
    return {who: known_to(content, who) for who in sorted(gone)}


def to_do(
    recipients: Sequence[Recipient], content: Content, present: Sequence[Recipient]
) -> list[str]:
    """Return what is left to be done about a vault, line by line."""
    wanted = [*present, *(each for each in recipients if each.kind == "offline")]
    new = (each for each in present if each not in recipients)
    lines = [f"{each} does not read it yet: rempart vault rekey" for each in new]
    lines += [f"{each} has left and still reads it" for each in recipients if each not in wanted]
    lines += [
        f"{who} knows {_count(places)} in use: rempart vault rekey --remove {who}"
        for who, places in exposed(content, wanted).items()
    ]
    waiting = (e for e in content.entries if e.is_pending)
    return lines + [
        f"{e.host}: {e.target}: new secrets wait for the host: rempart backup init" for e in waiting
    ]


def _count(places: Collection[Place]) -> str:
    return f"{len(places)} secret{'s' * (len(places) != 1)}"


def _check_removed(
    removed: Collection[str],
    before: Collection[Recipient],
    content: Content,
    after: Collection[Recipient],
) -> None:
    readers = [r for e in content.entries for g in e.generations for r in g.readers]
    for who in removed:
        if any(who in (each.name, each.id) for each in after):
            raise VaultError(
                f"{who} would still be a recipient; first take them out of the policy ('rempart"
                " people leave LOGIN … --now', or remove that key), or name another offline key"
            )
        known = any(reader.is_called(who) for reader in readers)
        if not known and not any(who in (each.name, each.id) for each in before):
            raise VaultError(f"{who} never was a recipient; see 'rempart vault show'")


def _remaining(content: Content, who: str, offline: Collection[Recipient]) -> Iterator[str]:
    """Yield what new secrets do not take away from somebody."""
    for entry in content.entries:
        place = f"{entry.host}: {entry.target}"
        for old in filter(lambda each: each.was_read_by(who), entry.generations):
            name = f"repository {old.repository}" if old.repository else "the repository"
            if old.state == "current":
                yield f"{place}: the host keeps the old secrets until it has the new ones"
            yield (
                f"{place}: {who} can decrypt any copy of {name} made with the old password; keep"
                " it from the network, delete it when retention allows"
            )
    for each in offline:
        yield (
            f"offline key {each.name}: replace it if {who} may have seen the paper:"
            f" --remove {each.name} --offline NEW-NAME"
        )
    yield f"what {who} has copied before: backups, disks, printed recovery kits"
    yield f"rempart's own SSH key (automation), if {who} could read it on a controller"
