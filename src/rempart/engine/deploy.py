"""Deploy: the order of a run, as pyinfra operations.

Under plain ``pyinfra`` every resource is declared and decides at its turn whether it has work to
do; under ``rempart apply`` only the changes are, many in one command, since each costs a login to
sudo and a shell.
Names are ``SSH | Write /etc/…``. The risky part is staged, then switched and proven in ONE
operation: pyinfra waits for all hosts between two operations, and a slow host must not let the
guards of the others fire.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pyinfra import logger

from rempart.engine import operations
from rempart.engine.diff import Place, order, releases, reload_label, reloaded
from rempart.engine.guard import Guard
from rempart.engine.observe import Unobserved
from rempart.engine.run import Run, current_run
from rempart.errors import RempartError
from rempart.resources import Unit

AT_ONCE = 25
"""So many changes go in one command, whose time is limited."""


@dataclass(frozen=True)
class Item:
    """Something a run may have to do: what an operation is declared for."""

    id: str
    concern: str
    label: str
    risky: bool
    order: Place


class Deploy:
    """The steps of a run on pyinfra's current host, each called once, in this order."""

    def __init__(self, role: str | None = None, guard: Guard | None = None) -> None:
        self.run = current_run()
        self.guard = guard or Guard(self.run.lock)
        ours = role in (None, self.run.subject.role)
        self.active = ours and _observed(self.run)

    def claim(self) -> None:
        """Note on the host what rempart is about to own, so that no crash leaves an orphan."""
        self._declare("Manifest | Claim what rempart will own", operations.claim, self.run)

    def packages(self) -> None:
        """Remove and install packages, in one transaction each."""
        self._declare("Packages | Install and remove", operations.change_packages, self.run)

    def change(self, *concerns: str) -> None:
        """Make the changes that cannot lock anybody out."""
        items = self._items(concerns, risky=False)
        if self.run.state.is_executing:
            for start in range(0, len(items), AT_ONCE):
                some = [item.id for item in items[start : start + AT_ONCE]]
                self._declare(
                    f"Changes | From {some[0]}", operations.carry_out_changes, self.run, some
                )
        else:
            for item in items:
                self._declare(_name(item), operations.carry_out_change, self.run, item.id)

    def guarded(self, *concerns: str) -> None:
        """Make the risky changes: stage them, switch, prove a new login, keep or revert."""
        items = dict(enumerate(self._items(concerns, risky=True)))
        self._declare("Guard | Open", operations.open_guard, self.run, self.guard)
        ready = {index: item.id for index, item in items.items()}
        if self.run.state.is_executing:
            self._stage("Guard | Lay the changes ready", ready)
        else:
            for index, item in items.items():
                self._stage(_name(item), {index: item.id})
        switch = operations.switch
        self._declare("Guard | Switch, prove a new login, keep", switch, self.run, self.guard)

    def _stage(self, name: str, change_ids: Mapping[int, str]) -> None:
        self._declare(name, operations.stage_changes, self.run, self.guard, change_ids)

    def settle(self) -> None:
        """Note on the host what rempart owns now."""
        self._declare("Manifest | Record what rempart owns", operations.settle, self.run)
        self.journal()

    def journal(self) -> None:
        """Note on the host what this run did, also where it failed half-way."""
        keep_journal = operations.keep_journal
        self._declare("Journal | Record this run", keep_journal, self.run, self.guard)

    def _items(self, concerns: tuple[str, ...], *, risky: bool) -> list[Item]:
        if not self.active:
            return []
        wanted = [item for item in catalogue(self.run) if item.risky == risky]
        if self.run.state.is_executing:
            todo = {change.id for change in self.run.changes}
            wanted = [item for item in wanted if item.id in todo]
        return [item for item in wanted if item.concern in concerns or item.concern == "leftovers"]

    def _declare(self, name: str, op: Callable[..., object], *arguments: object) -> None:
        """Declare an operation under a number that belongs to its name.

        pyinfra numbers operations by source line and loop index: with different people on two
        hosts, different operations would be taken for the same one.
        """
        if not self.active:
            return
        self.run.host.loop_position.append(zlib.crc32(name.encode()))
        try:
            op(*arguments, name=name)
        finally:
            self.run.host.loop_position.pop()


def catalogue(run: Run) -> list[Item]:
    """Return everything that may have to be done on a host, in the order of a run.

    What rempart owns and the policy no longer wants has the concern ``leftovers``.

    Raises:
        RempartError: the host gave no usable answer after its packages changed.
    """
    if isinstance(run.seen, Unobserved):
        raise RempartError(f"{run.host.name}: not observed: {run.seen.reason}")
    items = []
    for resource in run.desired:
        only_reloads = isinstance(resource, Unit) and resource.only_reloads
        if resource.kind != "package" and not only_reloads:
            place: Place = (resource.rank, (), resource.id)
            items.append(Item(resource.id, resource.concern, resource.label, resource.risky, place))
    targets = {name for resource in run.desired for name in resource.reloads}
    targets |= {name for entry in run.owned.values() for name in entry.reloads}
    for unit in reloaded(run.desired, run.owned):
        if unit.unit in targets:
            change_id, label, place = reload_label(unit)
            items.append(Item(change_id, unit.concern, label, unit.risky, place))
    for change in releases(run.desired, run.seen):
        items.append(Item(change.id, "leftovers", change.label, change.risky, order(change)))
    return sorted(items, key=lambda item: item.order)


def _name(item: Item) -> str:
    concern = item.concern.upper() if len(item.concern) <= 3 else item.concern.capitalize()
    return f"{concern} | {item.label}"


def _observed(run: Run) -> bool:
    """Tell whether the host's state is known; otherwise drop this host, and no other."""
    if not isinstance(run.seen, Unobserved):
        return True
    reason = f"{run.host.name}: not observed: {run.seen.reason}"
    run.error = reason
    logger.error(reason)
    # State.fail_hosts would end the run of all hosts when this is the last one.
    run.state.failed_hosts.add(run.host)
    run.state.active_hosts.discard(run.host)
    return False
