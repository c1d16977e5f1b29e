"""How many examples generated tests try, which tests stay together, and what is told early.

Together on one worker stay those that share hosts whose hardening took a while. A failure is
told when it happens: a run that is cut off has no summary. A long search by machine:
`.venv/bin/python -m pytest tests/generated --hypothesis-profile=deep`.
"""

from __future__ import annotations

import re
import signal
import time

import pytest
from hypothesis import HealthCheck, Phase, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

BOUNDED = {"deadline": None, "database": None, "suppress_health_check": [HealthCheck.too_slow]}
# To make a failing example smaller takes minutes: add Phase.shrink where one is needed.
PHASES = (Phase.explicit, Phase.generate)
settings.register_profile("ci", max_examples=20, derandomize=True, phases=PHASES, **BOUNDED)
settings.register_profile("deep", max_examples=300, print_blob=True, phases=PHASES, **BOUNDED)
settings.load_profile("ci")

# Background jobs have them ignored, and what tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

TOGETHER = re.compile(
    r"tests/lab/backup/test_(?:maintain|ransomware)[.]py"
    r"|tests/lab/(?:apply|backup|scores|usable|verify)/"
    r"|tests/lab/(?:test_pyinfra|people/test_(?:browsers|desktops|malware))[.]py"
    r"|tests/lab/(?:test_baseline|people/test_ways_in)[.]py.*\[debian-\d+(?:-minimal|-enhanced)?"
)
_TEST = re.compile(r"::\w+")


class Together(LoadScopeScheduling):
    """Sends out the shared hosts' tests first, each group as one, and all others one by one."""

    def _split_scope(self, nodeid: str) -> str:
        shared = TOGETHER.match(nodeid)
        return _TEST.sub("", shared[0]) if shared else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Together:
    return Together(config, log)


class Early:
    """Tells each failure and each long test with the minute of the run, as it happens."""

    LONG_S = 150

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.since = time.monotonic()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.failed and report.duration < self.LONG_S:
            return
        minute = (time.monotonic() - self.since) / 60
        what = f"{report.outcome} in {report.when}, {report.duration:.0f} s"
        terminal = self.config.pluginmanager.getplugin("terminalreporter")
        if terminal is not None:
            terminal.write_line(f"\nminute {minute:.0f}: {report.nodeid} {what}")
            if report.failed:
                terminal.write_line("\n".join(report.longreprtext.splitlines()[-12:]))


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Early(config), "early")
