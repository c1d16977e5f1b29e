"""The results as JSON, as JUnit XML and as a table."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any
from xml.etree import ElementTree

from rich.table import Table
from rich.text import Text

from rempart.controls import CONTROLS
from rempart.verify.proof import Record
from rempart.verify.run import ENDED, REACHED, HostRecords, checked_controls

_CONTROL_WIDTH = 7
_STYLES = {"pass": "green", "exception": "yellow", "n/a": "dim"}


def is_ok(results: Iterable[HostRecords]) -> bool:
    """Return whether every host is green, exceptions apart."""
    return not any(host.red() or host.trouble for host in results)


def unchecked() -> list[str]:
    """Return the controls that have no check yet, so that nobody takes them for proven."""
    checked = checked_controls()
    return [control for control in CONTROLS if control not in checked]


def as_data(results: Sequence[HostRecords]) -> dict[str, Any]:
    """Return what `--json` prints; an excepted control's records say so in ``exception``."""
    return {
        "ok": is_ok(results),
        "hosts": {
            host.host: [
                _with_exception(dataclasses.asdict(record), host.excepted.get(record.control))
                for record in host.records
            ]
            for host in results
        },
        "no_check": unchecked(),
    }


def _with_exception(record: dict[str, Any], exception: str | None) -> dict[str, Any]:
    return record | {"exception": exception} if exception else record


def state(host: HostRecords, control: str) -> str:
    """Return a table cell: ``pass``, ``FAIL``, ``ERROR``, ``n/a``, ``not reached`` and so on."""
    records = [record for record in host.records if record.control == control]
    red = [record for record in records if record.is_red]
    if not records:
        return ""
    if red and control in host.excepted:
        return "exception"
    if any(record.result == "fail" for record in red):
        return "FAIL"
    if red:
        if all(record.check == ENDED for record in red):
            return "not measured"
        return "ERROR" if host.is_reached else "not reached"
    return "n/a" if all(record.result == "n/a" for record in records) else "pass"


def tables(results: Sequence[HostRecords], width: int) -> list[Table]:
    """Return controls by hosts, as many hosts side by side as fit into ``width`` characters."""
    widest = max((len(host.host) for host in results), default=0)
    fitting = max(1, (width - _CONTROL_WIDTH) // (max(widest, len("not measured")) + 2))
    return [_table(results[start : start + fitting]) for start in range(0, len(results), fitting)]


def _table(results: Sequence[HostRecords]) -> Table:
    used = {record.control for host in results for record in host.records}
    made = Table("", *(host.host for host in results), box=None, pad_edge=False)
    for control in (each for each in CONTROLS if each in used):
        cells = [state(host, control) for host in results]
        made.add_row(control, *(Text(cell, style=_STYLES.get(cell, "red")) for cell in cells))
    return made


def lines(results: Sequence[HostRecords]) -> list[tuple[str, str]]:
    """Return (line, style) of all that is not plainly green, then a summary."""
    found = [line for host in results for line in _host_lines(host)]
    found.append((f"no check yet: {', '.join(unchecked())}", "dim"))
    checks = sum(len(host.records) for host in results)
    red = sum(len(host.red()) for host in results)
    unmeasured = sum(bool(host.trouble) for host in results)
    parts = [_count(len(results), "host"), _count(checks, "check")]
    parts += [f"{red} RED"] if red else []
    parts += [f"{unmeasured} NOT MEASURED TO THE END"] if unmeasured else []
    parts += ["all green"] if is_ok(results) else []
    return [*found, (", ".join(parts), "green" if is_ok(results) else "red")]


def _host_lines(host: HostRecords) -> list[tuple[str, str]]:
    """Return each finding once, with all the controls that it concerns."""
    found: dict[tuple[str, str], list[str]] = {}
    for record in host.records:
        if said := _said(host, record):
            found.setdefault(said, []).append(record.control)
    return [
        (f"{host.host}: {', '.join(dict.fromkeys(controls))}: {text}", style)
        for (text, style), controls in found.items()
    ]


def _said(host: HostRecords, record: Record) -> tuple[str, str] | None:
    if record.is_red and record.control in host.excepted:
        return f"exception: {host.excepted[record.control]}", "yellow"
    if record.is_red and record.check == ENDED:
        return f"not measured: {record.actual}", "red"
    if record.is_red and record.check == REACHED:
        return f"not reached: {record.actual}", "red"
    if record.result == "error":
        # One silent tool leaves many checks without an answer: said once, with all their controls.
        return f"no answer: {record.actual}", "red"
    if record.is_red:
        return _finding(record), "red"
    if record.result == "info":
        return f"for information: {record.actual}", "dim"
    if record.result == "n/a":
        return f"{record.check}: does not apply: {record.actual}", "dim"
    return None


def _finding(record: Record) -> str:
    how = f" ({record.how})" if record.how else ""
    return f"{record.check}: expected {record.expected}, actual {record.actual}{how}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def junit(results: Sequence[HostRecords]) -> bytes:
    """Return JUnit XML: a suite per host, a case per check, excepted ones skipped."""
    root = ElementTree.Element("testsuites", name="rempart verify")
    for host in results:
        suite = ElementTree.SubElement(root, "testsuite", name=host.host)
        counts = dict.fromkeys(("failures", "errors", "skipped"), 0)
        for record in host.records:
            case = ElementTree.SubElement(suite, "testcase", classname=record.control)
            case.set("name", record.check)
            _add_outcome(case, record, host.excepted.get(record.control), counts)
        suite.set("tests", str(len(host.records)))
        for key, number in counts.items():
            suite.set(key, str(number))
    ElementTree.indent(root)
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _add_outcome(
    case: ElementTree.Element, record: Record, exception: str | None, counts: dict[str, int]
) -> None:
    if not record.is_red:
        ElementTree.SubElement(case, "system-out").text = record.actual
        return
    if exception:
        kind, counter, message = "skipped", "skipped", f"exception: {exception}"
    elif record.result == "fail":
        kind, counter, message = "failure", "failures", _finding(record)
    else:
        kind, counter, message = "error", "errors", _finding(record)
    ElementTree.SubElement(case, kind, message=message)
    counts[counter] += 1
