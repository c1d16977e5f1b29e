"""What a run tells on its way and at its end: how far it is, what failed, what took how long."""

from __future__ import annotations

import shlex
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from math import ceil
from pathlib import Path

import canaries
import pytest

CACHE = "rempart/seconds"
EVERY_S = 60
UNKNOWN_S = {True: 15.0, False: 0.15}
"""What a test costs that has not been seen here yet: on hosts, or without."""


def area(nodeid: str) -> str:
    """Return the part of the suite that a test belongs to.

    >>> area("tests/lab/guard/test_power.py::test_x")
    'guard'
    >>> area("tests/unit/policy/test_key.py::test_x")
    'unit'
    """
    parts = nodeid.partition("::")[0].split("/")
    return parts[2 if parts[1] == "lab" else 1]


class Progress:
    """Told by the process that leads the run, of all workers' tests."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.began = self.told = time.monotonic()
        self.expected: dict[str, float] = {}
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.done: set[str] = set()
        self.failed: list[str] = []
        self.workers = 1

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._expect(item.nodeid for item in session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: object, ids: list[str]) -> None:
        self.workers = int(self.config.getoption("numprocesses") or 1)
        self._expect(ids)

    def _expect(self, nodeids: Iterable[str]) -> None:
        known = self.config.cache.get(CACHE, {}) if self.config.cache else {}
        for nodeid in nodeids:
            unknown = UNKNOWN_S[nodeid.startswith(canaries.LAB)]
            self.expected[nodeid] = known.get(nodeid, unknown)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration
        if report.failed:
            self.failed.append(report.nodeid)
            self._tell(f"FAILED {report.nodeid} ({report.when})", report.longreprtext)
        if report.when == "teardown":
            self.done.add(report.nodeid)
        if time.monotonic() - self.told > EVERY_S:
            self._tell(self._standing())

    def _standing(self) -> str:
        left = [cost for nodeid, cost in self.expected.items() if nodeid not in self.done]
        minutes = max(sum(left) / self.workers, max(left, default=0)) / 60
        counted = f"{len(self.done)} of {len(self.expected)} tests, {len(self.failed)} failed"
        return f"{counted}, about {ceil(minutes)} min left"

    def _tell(self, line: str, text: str = "") -> None:
        self.told = time.monotonic()
        terminal = self.config.pluginmanager.getplugin("terminalreporter")
        if terminal is not None:
            terminal.write_line(f"\nminute {(self.told - self.began) / 60:.0f}: {line}")
            for each in text.splitlines()[-12:]:  # a run that is cut off has no summary
                terminal.write_line(f"  {each}")

    def pytest_sessionfinish(self) -> None:
        if self.config.cache:
            known = self.config.cache.get(CACHE, {})
            passed = {nodeid: round(self.seconds[nodeid], 2) for nodeid in self.done}
            self.config.cache.set(CACHE, known | passed)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        write = terminalreporter.write_line
        if any(nodeid.startswith(canaries.LAB) for nodeid in self.done):
            write("minutes of all workers, by area: " + self._by_area())
        if self.config.getoption("gate"):
            for promise, seconds in self._by_canary().items():
                write(f"{seconds:5.0f} s  {promise}")
        if self.failed:
            python = Path(sys.executable)
            if python.is_relative_to(Path.cwd()):
                python = python.relative_to(Path.cwd())
            again = [str(python), "-m", "pytest", "--last-failed", "-n", str(self.workers)]
            write(f"the failed ones again: {shlex.join(again)}")

    def _by_area(self) -> str:
        areas: Counter[str] = Counter()
        for nodeid, seconds in self.seconds.items():
            areas[area(nodeid)] += round(seconds)
        return ", ".join(f"{name} {seconds / 60:.1f}" for name, seconds in areas.most_common())

    def _by_canary(self) -> dict[str, float]:
        costs: Counter[str] = Counter()
        for nodeid, seconds in self.seconds.items():
            costs[canaries.canary(nodeid)] += round(seconds)
        return {promise: costs[test] for test, promise in canaries.promises().items()}
