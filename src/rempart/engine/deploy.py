"""Deploy: the order of a run, as pyinfra operations.

Under plain ``pyinfra`` every resource is declared and decides at its turn whether it has work to
do; under ``rempart apply`` only the changes are. Names are ``SSH | Write /etc/…``. The risky part
is staged, then switched and proven in ONE operation: pyinfra waits for all hosts between two
operations, and a slow host must not let the guards of the others fire.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Generator
from dataclasses import dataclass

from pyinfra import logger
from pyinfra.api import FunctionCommand, Host, State, operation
from pyinfra.api.command import PyinfraCommand

from rempart.engine import journal, manifest
from rempart.engine.diff import Place, order, releases, reload_label
from rempart.engine.guard import Guard, GuardError, carry_out, owner
from rempart.engine.observe import Unobserved
from rempart.engine.run import Run, as_root, current_run
from rempart.resources import Change, Observation, Unit
from rempart.resources.package import apt_script

APT_TIMEOUT_S = 1800
"""A slow line and another apt at work are no reason to give up."""

Commands = Generator[PyinfraCommand, None, None]


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
        self.guard = guard or Guard()
        ours = role in (None, self.run.subject.role)
        self.active = ours and _observed(self.run)

    def claim(self) -> None:
        """Note on the host what rempart is about to own, so that no crash leaves an orphan."""
        self._declare("Manifest | Claim what rempart will own", claim, self.run)

    def packages(self) -> None:
        """Remove and install packages, in one transaction each."""
        self._declare("Packages | Install and remove", change_packages, self.run)

    def change(self, *concerns: str) -> None:
        """Make the changes that cannot lock anybody out."""
        for item in self._items(concerns, risky=False):
            self._declare(_name(item), carry_out_change, self.run, item.id)

    def guarded(self, *concerns: str) -> None:
        """Make the risky changes: stage them, switch, prove a new login, keep or revert."""
        items = self._items(concerns, risky=True)
        self._declare("Guard | Open", open_guard, self.run, self.guard)
        for index, item in enumerate(items):
            self._declare(_name(item), stage_change, self.run, self.guard, item.id, index)
        self._declare("Guard | Switch, prove a new login, keep", switch, self.run, self.guard)

    def settle(self) -> None:
        """Note on the host what rempart owns now."""
        self._declare("Manifest | Record what rempart owns", settle, self.run)
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
    """
    assert isinstance(run.seen, Observation)
    items = []
    targets = {unit for resource in run.desired for unit in resource.reloads}
    for resource in run.desired:
        unit = resource if isinstance(resource, Unit) else None
        if resource.kind != "package" and not (unit and unit.only_reloads):
            place = (resource.rank, 0, resource.id)
            items.append(Item(resource.id, resource.concern, resource.label, resource.risky, place))
        if unit and unit.unit in targets:
            change_id, label, place = reload_label(unit)
            items.append(Item(change_id, resource.concern, label, resource.risky, place))
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


def _fail(run: Run, reason: str) -> FunctionCommand:
    """Return a command that fails this host's operation, and no other's, with one clear line."""

    def fail(state: State, host: Host) -> bool:
        run.error = reason
        logger.error(reason)
        return False

    return FunctionCommand(fail, (), {})


def _unless_unobserved(run: Run) -> Generator[PyinfraCommand, None, bool]:
    if isinstance(run.seen, Unobserved):
        yield _fail(run, f"{run.host.name}: not observed: {run.seen.reason}")
        return False
    return True


@operation()
def claim(run: Run) -> Commands:
    """Write the manifest with everything wanted in it, if anything is to do at all."""
    if not (yield from _unless_unobserved(run)):
        return
    claims = manifest.claimed(run.owned, run.desired, run.observation)
    if not run.changes or claims == run.owned:
        run.host.noop("the manifest names everything already")
        return
    yield as_root(manifest.write_script(claims))


@operation()
def settle(run: Run) -> Commands:
    """Write the manifest without what was given up."""
    if not (yield from _unless_unobserved(run)):
        return
    claims = manifest.claimed(run.owned, run.desired, run.observation)
    owned = manifest.settled(claims, run.desired)
    if owned == run.owned:
        run.host.noop("the manifest is true")
        return
    yield as_root(manifest.write_script(owned))


@operation()
def keep_journal(run: Run, guard: Guard) -> Commands:
    """Keep what this run did, where it did something."""
    if not run.done:
        run.host.noop("this run changed nothing")
        return
    text = journal.entry(guard.run, owner(), run.policy, run.seen_digest, run.done)
    yield as_root(journal.write_script(guard.run, text))


@operation()
def change_packages(run: Run) -> Commands:
    """Install and remove packages; afterwards the host is observed again."""
    if not (yield from _unless_unobserved(run)):
        return
    todo = [c for c in run.changes if c.id.startswith("package:") and c.action != "release"]
    if not todo:
        run.host.noop("all packages are as wanted")
        return
    _show(run, *todo)
    names = {action: [c.id.partition(":")[2] for c in todo if c.action == action]
             for action in ("create", "remove")}  # fmt: skip
    script = apt_script(install=names["create"], remove=names["remove"])
    yield as_root(script, timeout_s=APT_TIMEOUT_S)
    run.packages_changed = True
    run.done += [change.label for change in todo]


@operation()
def carry_out_change(run: Run, change_id: str) -> Commands:
    """Make one change that cannot lock anybody out."""
    if not (yield from _unless_unobserved(run)):
        return
    change = run.change(change_id)
    if change is None:
        run.host.noop(f"{change_id} is as wanted")
        return
    _show(run, change)
    yield as_root(change.script)
    run.done.append(change.label)


@operation()
def open_guard(run: Run, guard: Guard) -> Commands:
    """Open the staging area, where risky changes wait for the switch."""
    if not (yield from _unless_unobserved(run)):
        return
    if not any(change.risky for change in run.changes):
        run.host.noop("nothing risky to do")
        return
    yield guard.open()


@operation()
def stage_change(run: Run, guard: Guard, change_id: str, index: int) -> Commands:
    """Lay one risky change ready; without an open guard the host refuses it."""
    if not (yield from _unless_unobserved(run)):
        return
    change = run.change(change_id)
    if change is None:
        run.host.noop(f"{change_id} is as wanted")
        return
    _show(run, change)
    yield guard.stage(index, change)


@operation()
def switch(run: Run, guard: Guard) -> Commands:
    """Make all staged changes at once and prove a new login, or let the host revert."""
    if not (yield from _unless_unobserved(run)):
        return
    if not any(change.risky for change in run.changes):
        run.host.noop("nothing risky to do")
        return

    def proven(state: State, host: Host) -> bool:
        try:
            carry_out(state, host, guard, run.policy.route(run.subject))
        except GuardError as error:
            run.error = str(error)
            logger.error(str(error))
            return False
        run.done += [change.label for change in run.changes if change.risky]
        return True

    yield FunctionCommand(proven, (), {})


def _show(run: Run, *changes: Change) -> None:
    """Print the diff where ``pyinfra --diff`` asks for it; secrets are not in it."""
    if run.state.config.DIFF and not run.state.is_executing:
        for change in changes:
            run.host.log(change.label)
            for line in change.diff:
                run.host.log(f"    {line}")
