"""How a run goes: how many examples are tried, what stays together on a worker, signals, skips.

Together stay tests that share hosts whose hardening took a while. A long search by machine:
`.venv/bin/python -m pytest tests/generated --hypothesis-profile=deep`.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import canaries
import pytest
from hypothesis import HealthCheck, Phase, settings
from progress import Progress
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from lab.errors import DroppedError

BOUNDED = {"deadline": None, "database": None, "suppress_health_check": [HealthCheck.too_slow]}
# To make a failing example smaller takes minutes: add Phase.shrink where one is needed.
PHASES = (Phase.explicit, Phase.generate)
settings.register_profile("ci", max_examples=20, derandomize=True, phases=PHASES, **BOUNDED)
settings.register_profile("deep", max_examples=300, print_blob=True, phases=PHASES, **BOUNDED)
settings.load_profile("ci")

TOGETHER = re.compile(
    r"tests/lab/(?:apply|journey|pyinfra|scores|verify)/"
    r"|tests/lab/people/test_(?:browsers|desktops|malware)[.]py"
    r"|tests/lab/(?:baseline|people/test_ways_in).*\[debian-\d+(?:-minimal|-enhanced)?"
)
_TEST = re.compile(r"::\w+")


class Together(LoadScopeScheduling):
    """Sends out the shared hosts' tests first, each group as one, and all others one by one."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith("tests/lab/guard/") and self.config.getoption("gate"):
            # Few of them, and each worker that gets one makes its hosts ready first.
            return "guard, debian-13" if "debian-13" in nodeid else "guard, debian-12"
        shared = TOGETHER.match(nodeid)
        return _TEST.sub("", shared[0]) if shared else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Together:
    return Together(config, log)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--gate", action="store_true", help="of the tests on hosts: canaries alone")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Progress(config), "progress")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("gate"):
        canaries.keep(config, items)


@pytest.fixture(scope="session", autouse=True)
def default_signals() -> None:
    """What tests start is interrupted as usual, also if `nohup` or a background job started us.

    An ignored signal is ignored by all children; one with a handler is not (execve(2)). This
    process itself still takes no notice of it.
    """
    for each in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        if signal.getsignal(each) is signal.SIG_IGN:
            signal.signal(each, lambda *_: None)


@contextmanager
def _dropped_is_not_measured(item: pytest.Item) -> Iterator[None]:
    """Name in the closing summary what needs a release that the archive has no more."""
    try:
        yield
    except DroppedError as error:
        pytest.skip(f"not measured: {item.nodeid}: {error}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None]:
    with _dropped_is_not_measured(item):
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    with _dropped_is_not_measured(item):
        yield
