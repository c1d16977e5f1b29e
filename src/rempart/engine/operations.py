"""The operations: each decides at its turn, from the observation, whether it has work to do.

One operation serves all resource kinds, because a change carries its own script.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence

from pyinfra import logger
from pyinfra.api import FunctionCommand, Host, State, operation
from pyinfra.api.command import PyinfraCommand

from rempart.engine import journal, manifest
from rempart.engine.guard import LIBRARIES, Guard, carry_out
from rempart.engine.observe import Unobserved
from rempart.engine.run import Run, as_root
from rempart.errors import RempartError, fault
from rempart.resources import Change
from rempart.resources.package import apt_script

APT_TIMEOUT_S = 1800
"""A slow line and another apt at work are no reason to give up."""

LAST_WORDS_TIMEOUT_S = 30
"""A run that fails must not wait long for a host that is gone."""

Commands = Generator[PyinfraCommand, None, None]


def _fail(run: Run, reason: str) -> FunctionCommand:
    """Return a command that fails this host's operation, and no other's, with one clear line."""

    def fail(state: State, host: Host) -> bool:
        run.error = reason
        logger.error(reason)
        if run.holds_lock:
            command = as_root(run.lock.freeing(), "lock", timeout_s=LAST_WORDS_TIMEOUT_S)
            host.run_shell_command(command, **command.connector_arguments)
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
    yield run.locked(manifest.write_script(claims))


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
    yield run.locked(manifest.write_script(owned))


@operation()
def keep_journal(run: Run, guard: Guard) -> Commands:
    """Keep what this run did, where it did something, and let others work on the host."""
    if not run.holds_lock:
        run.host.noop("nothing was changed, or it is noted already")
        return
    script = ""
    if run.done:
        text = journal.entry(guard.lock, run.policy, run.seen_digest, run.done)
        script = journal.write_script(guard.run, text)
    yield as_root(script + run.lock.freeing(), "lock", timeout_s=LAST_WORDS_TIMEOUT_S)
    run.holds_lock = False


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
    script = apt_script(names["create"], names["remove"], run.observation)
    yield run.locked(script, timeout_s=APT_TIMEOUT_S)
    run.packages_changed = True
    run.done += [change.label for change in todo]


def in_one_command(
    run: Run, changes: Sequence[Change], *libraries: str, timeout_s: int | None = None
) -> Commands:
    """Yield the command that makes changes in this order, up to the first that fails, if any."""
    if not changes:
        return

    def made(state: State, host: Host) -> bool:
        # What a change says is for people; on stdout is a line for each one that was made.
        script = "".join(f"(:\n{change.script}) >&2\necho made\n" for change in changes)
        command = run.locked(script, *libraries, timeout_s=timeout_s)
        ok, output = host.run_shell_command(command, **command.connector_arguments)
        count = output.stdout_lines.count("made")
        run.done += [change.label for change in changes[:count]]
        if not ok:
            at = changes[min(count, len(changes) - 1)].label
            words = "; ".join(line[:200] for line in output.stderr_lines[-4:])
            run.error = f"{host.name}: {at}: failed: {words or 'no word from the host'}"
            logger.error(run.error)
        return ok

    yield FunctionCommand(made, (), {})


@operation()
def carry_out_change(run: Run, change_id: str) -> Commands:
    """Make one change that cannot lock anybody out."""
    change = yield from _still_needed(run, change_id)
    if change is None:
        return
    yield run.locked(change.script)
    run.done.append(change.label)


@operation()
def carry_out_changes(run: Run, change_ids: Sequence[str]) -> Commands:
    """Make changes that cannot lock anybody out, in this order, up to the first that fails."""
    changes = []
    for change_id in change_ids:
        change = yield from _still_needed(run, change_id)
        changes += [change] if change else []

    yield from in_one_command(run, changes)


@operation()
def open_guard(run: Run, guard: Guard) -> Commands:
    """Open the staging area, where risky changes wait for the switch."""
    if not (yield from _unless_unobserved(run)):
        return
    if not any(change.risky for change in run.changes):
        run.host.noop("nothing risky to do")
        return
    yield run.locked(guard.open(), *LIBRARIES)


@operation()
def stage_changes(run: Run, guard: Guard, change_ids: Mapping[int, str]) -> Commands:
    """Lay risky changes ready, by their place; without an open guard the host refuses them."""
    staged = ""
    for index, change_id in change_ids.items():
        change = yield from _still_needed(run, change_id)
        staged += guard.stage(index, change) if change else ""
    if staged:
        yield run.locked(staged, *LIBRARIES)


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
            switching = run.locked(guard.switch(), *LIBRARIES)
            carry_out(host, switching, guard, run.policy.route(run.subject))
        except RempartError as error:
            run.error = str(error)
        except Exception as error:  # pyinfra would log it where nobody looks
            run.error = f"{host.name}: guard: {fault(error)}; the host undoes the change by itself"
        if run.error:
            logger.error(run.error)
            return False
        run.done += [change.label for change in run.changes if change.risky]
        return True

    yield FunctionCommand(proven, (), {})


def _still_needed(run: Run, change_id: str) -> Generator[PyinfraCommand, None, Change | None]:
    """Return the change as this phase's observation wants it, shown; None where there is none."""
    if not (yield from _unless_unobserved(run)):
        return None
    change = run.change(change_id)
    if change is None:
        run.host.noop(f"{change_id} is as wanted")
    else:
        _show(run, change)
    return change


def _show(run: Run, *changes: Change) -> None:
    """Print the diff where ``pyinfra --diff`` asks for it; secrets are not in it."""
    if run.state.config.DIFF and not run.state.is_executing:
        for change in changes:
            run.host.log(change.label)
            for line in change.diff:
                run.host.log(f"    {line}")
