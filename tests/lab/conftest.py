"""Fixtures: the lab, and stock hosts that are gone after the test."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))  # the lab is in the checkout, never installed

from lab.host import Host
from lab.session import Session

HostFactory = Callable[..., Host]


@pytest.fixture(scope="session")
def lab() -> Iterator[Session]:
    """The lab's networks and package cache, up for the whole session."""
    with Session() as session:
        yield session


@pytest.fixture
def fresh_host(lab: Session) -> Iterator[HostFactory]:
    """`fresh_host("debian-13")` boots a stock host for one test; Debian 12 if not told."""
    with _hosts(lab) as factory:
        yield factory


@pytest.fixture(scope="module")
def module_host(lab: Session) -> Iterator[HostFactory]:
    """As `fresh_host`, for hosts that the tests of a module share."""
    with _hosts(lab) as factory:
        yield factory


@contextmanager
def _hosts(lab: Session) -> Iterator[HostFactory]:
    with ExitStack() as stack:

        def make(image: str = "debian-12") -> Host:
            host = lab.fresh_host(image)
            stack.callback(host.remove)
            return host

        yield make
