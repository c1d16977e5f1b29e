"""How plans and results look on a terminal. Host output arrives here already made printable."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions
from rich.segment import Segment

from rempart.engine.plan import HostPlan, PlannedChange

if TYPE_CHECKING:
    from rempart.engine.apply import HostResult

STYLES = {"+": "green", "-": "red", "@": "cyan", "~": "yellow"}


def show_plan(console: Console, hosts: Sequence[HostPlan]) -> None:
    """Print each change once, with the hosts that it concerns, then what failed and a summary."""
    grouped: dict[PlannedChange, list[str]] = {}
    for host in hosts:
        for change in host.changes:
            grouped.setdefault(change, []).append(host.host)
    _print(
        console,
        (
            line
            for change, names in grouped.items()
            for line in _change_lines(change, names, len(hosts))
        ),
    )
    for host in hosts:
        if host.packages_first:
            _line(
                console,
                f"{host.host}: packages come first; what follows from them is decided only while"
                " applying",
                "yellow",
            )
        for note in host.notes:
            _line(console, f"{host.host}: {note}", "yellow")
    show_errors(console, [host.error for host in hosts])
    _line(console, summary(hosts), "bold")


def _change_lines(
    change: PlannedChange, names: Sequence[str], hosts: int
) -> Iterator[tuple[str, str]]:
    where = names[0] if len(names) == 1 else f"{len(names)} hosts: {', '.join(sorted(names))}"
    if len(names) == hosts > 1:
        where = f"all {hosts} hosts"
    controls = f" [{', '.join(change.controls)}]" if change.controls else ""
    guarded = " (guarded)" if change.risky else ""
    yield f"{change.label}{controls}{guarded} on {where}", "bold"
    for line in change.diff:
        yield f"    {line}", STYLES.get(line[:1], "")


def summary(hosts: Iterable[HostPlan]) -> str:
    """Return one line that counts hosts with changes, as wanted, and not planned."""
    hosts = list(hosts)
    changes = sum(len(host.changes) for host in hosts)
    failed = sum(bool(host.error) for host in hosts)
    clean = sum(not host.changes and not host.error for host in hosts)
    parts = [f"{changes} change{'s' * (changes != 1)}", f"{clean} of {len(hosts)} hosts as wanted"]
    return ", ".join([*parts, f"{failed} NOT PLANNED"] if failed else parts)


def show_results(console: Console, results: Sequence[HostResult], told: Collection[str]) -> None:
    """Print what was changed on each host, then the failures; nothing that the plan told."""
    for result in sorted(results, key=lambda each: each.host):
        made = len(result.changed)
        state = "FAILED" if result.error else f"{made} change{'s' * (made != 1)} made"
        _line(console, f"{result.host}: {state}", "red" if result.error else "green")
        for label in result.changed:
            late = " (decided while applying)" if label in result.decided_while_applying else ""
            _line(console, f"    {label}{late}")
        for note in (note for note in result.notes if note not in told):
            _line(console, f"    {note}", "yellow")
    show_errors(console, [result.error for result in results if result.error not in told])


def show_errors(console: Console, errors: Iterable[str]) -> None:
    """Print errors on stderr, one line each."""
    stderr = Console(stderr=True, no_color=console.no_color)
    for error in filter(None, errors):
        _line(stderr, f"rempart: {error}", "red")


def _line(console: Console, text: str, style: str = "") -> None:
    _print(console, [(text, style)])


def _print(console: Console, lines: Iterable[tuple[str, str]]) -> None:
    """Print (line, style) without markup, for a path may hold square brackets, and unwrapped."""
    console.print(_Lines(lines), soft_wrap=True, highlight=False, end="")


class _Lines:
    """Lines as rich takes them at once: one by one, a hostile host's thousands would take long."""

    def __init__(self, lines: Iterable[tuple[str, str]]) -> None:
        self._lines = lines

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for text, style in self._lines:
            yield Segment(text.expandtabs(), console.get_style(style) if style else None)
            yield Segment.line()
