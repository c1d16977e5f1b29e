"""What several commands share: their arguments, the host selection, the progress line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Protocol, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from rempart.policy import Policy

Inventory = Annotated[Path, typer.Argument(help="The practice's YAML file.")]
Hosts = Annotated[
    list[str] | None, typer.Option("--host", help="Only this host; may be given again.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def selected(policy: Policy, hosts: Sequence[str] | None) -> list[str]:
    """Return the names of the wanted hosts, all of them by default; RempartError on a wrong one."""
    if not hosts:
        return [host.name for host in policy.hosts]
    names = [name.removeprefix(f"{policy.practice.name}/") for name in hosts]
    return list(dict.fromkeys(policy.host(name).name for name in names))


class Steps:
    """A progress bar over hosts that also says what each host is at."""

    def __init__(self, progress: Progress, hosts: int, what: str) -> None:
        self._progress = progress
        self._task = progress.add_task(what, total=hosts, now="")
        self._now: dict[str, str] = {}

    def at(self, host: str, step: str) -> None:
        """Say what a host is at."""
        self._now[host] = step
        self._show()

    def done(self, host: str) -> None:
        """Count a host as finished."""
        self._now.pop(host, None)
        self._progress.advance(self._task)
        self._show()

    def _show(self) -> None:
        now = ", ".join(f"{host}: {step}" for host, step in sorted(self._now.items()))
        self._progress.update(self._task, now=now)


class Named(Protocol):
    """What came of a host, by its id."""

    @property
    def host(self) -> str:
        """Return the host's id."""
        ...


Result = TypeVar("Result", bound=Named)


def gathered(
    what: str, hosts: int, results: Callable[[Steps], Iterable[Result]], *, quiet: bool
) -> list[Result]:
    """Return what came of each host, sorted by host, with a progress bar while it comes."""
    found = []
    with progress(what, hosts, quiet=quiet) as steps:
        for result in results(steps):
            found.append(result)
            steps.done(result.host)
    return sorted(found, key=lambda each: each.host)


@contextmanager
def progress(what: str, hosts: int, *, quiet: bool = False) -> Iterator[Steps]:
    """Show a bar on the terminal's stderr while work goes on; nothing where there is none."""
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[now]}"),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    )
    with bar:
        yield Steps(bar, hosts, what)
