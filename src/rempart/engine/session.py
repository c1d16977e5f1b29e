"""Session: pyinfra's API over a practice's hosts, each in its own greenlet and by itself.

pyinfra's own runners go through the operations in step over all hosts; under a dead man's switch a
slow host would let the guards of the others fire. So each host runs from its first to its last step
alone, and what goes wrong with one is that one's result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any, TypeVar

import gevent
from pyinfra.api import Config, Host, Inventory, State
from pyinfra.api.exceptions import ConnectError, PyinfraError
from pyinfra.context import ctx_host, ctx_state

from rempart.engine.connector import RempartConnector, know
from rempart.engine.run import Run, adopt
from rempart.errors import RempartError, fault
from rempart.interrupt import interruptible
from rempart.policy import Policy
from rempart.policy.fleet import groups

T = TypeVar("T")

CONNECT_TIMEOUT_S = 10
MOST_AT_ONCE = 40


def each_host(
    policy: Policy,
    names: Sequence[str],
    today: date,
    work: Callable[[Run], T],
    failed: Callable[[str, str], T],
    *,
    executing: bool = False,
    kind: type[Run] = Run,
) -> Iterator[T]:
    """Do ``work`` on every named host of a practice, side by side; yield results as they come.

    With ``executing`` an operation runs at the moment it is called, instead of being planned.

    ``failed(host_id, reason)`` makes the result of a host that could not be reached or that
    ``work`` raised an error for.
    """
    state = _state(policy, names)
    state.is_executing = executing
    state.check_for_changes = not executing  # else every operation would decide twice
    with ctx_state.use(state), interruptible():
        greenlets = {
            state.pool.spawn(_one, host, kind(state, host, policy, today), work): host
            for host in state.inventory
        }
        try:
            for done in _ended(list(greenlets)):
                host = greenlets[done]
                outcome = done.get()
                if isinstance(outcome, gevent.GreenletExit):
                    outcome = None, f"{host.name}: interrupted"
                result, reason = outcome
                yield failed(host.name, reason) if reason else result
        finally:
            gevent.killall(list(greenlets))
            for host in state.inventory:
                host.disconnect()


def _ended(greenlets: list[gevent.Greenlet]) -> Iterator[gevent.Greenlet]:
    """Yield greenlets as they end. Ctrl-C ends them all, and each may still say where it stands."""
    waiting = set(greenlets)
    try:
        for done in gevent.iwait(greenlets):
            waiting.remove(done)
            yield done
    except KeyboardInterrupt:
        gevent.killall(list(waiting))
        yield from waiting


class _Hosts(Inventory):
    """Hosts that our own connector reaches.

    pyinfra's inventory would import every connector there is, and read the entry points of all
    installed packages anew for each host.
    """

    def make_hosts_and_groups(
        self, names: Sequence[tuple[str, dict[str, Any]]], groups: object
    ) -> None:
        self.host_data.update(names)
        self.hosts = {
            name: Host(name, inventory=self, groups=[], connector_cls=RempartConnector)
            for name, _ in names
        }


def _state(policy: Policy, names: Sequence[str]) -> State:
    know(policy)
    wanted = {policy.host_id(policy.host(name)) for name in names}
    entries = groups([policy])[policy.practice.name]
    named = [(name.removeprefix("@rempart/"), data) for name, data in entries]
    data = [(name, data) for name, data in named if name in wanted]
    # pyinfra's Config and Inventory have no types.
    config = Config(  # type: ignore[no-untyped-call]
        CONNECT_TIMEOUT=CONNECT_TIMEOUT_S, PARALLEL=min(len(data), MOST_AT_ONCE) or 1
    )
    return State(_Hosts((data, {})), config)  # type: ignore[no-untyped-call]


def _one(host: Host, run: Run, work: Callable[[Run], T]) -> tuple[T | None, str]:
    """Return the work's result, or why there is none; never raise for this host's troubles."""
    with ctx_host.use(host):
        try:
            host.connect(show_errors=False, raise_exceptions=True)
            run.state.activate_host(host)
            return work(adopt(run)), ""
        except ConnectError as error:
            return None, str(error.args[0])
        except (RempartError, PyinfraError, OSError, EOFError) as error:
            return None, f"{host.name}: {error}"
        except Exception as error:  # a fault of ours must not stop the other hosts half-way
            return None, f"{host.name}: {fault(error)}"
