"""A practice of two real hosts, from stock to hardened once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import practice
import pytest
from cabinet import Cabinet

from lab.session import Session


@pytest.fixture(scope="session")
def cabinet(lab: Session, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cabinet]:
    """The practice, hardened; a test that changes it puts it back."""
    with ExitStack() as stack:
        hosts = {"a": lab.fresh_host("debian-12"), "b": lab.fresh_host("debian-13")}
        for host in hosts.values():
            stack.callback(host.remove)
            # As rempart's own sshd drop-in does, so that sessions on the stock host count too.
            host.run("echo LogLevel VERBOSE > /etc/ssh/sshd_config.d/10-verbose.conf")
            host.run("systemctl reload ssh")
        inventory = practice.enrolled(
            tmp_path_factory.mktemp("cabinet"),
            hosts,
            jumps={"b": "a"},
            people=[practice.MARIE],
            services=[{"name": "http", "ports": [80], "from": ["10.77.0.0/24"]}],
        )
        cabinet = Cabinet(inventory, **hosts)
        _harden(cabinet)
        yield cabinet


def _harden(cabinet: Cabinet) -> None:
    cabinet.story["first plan"] = cabinet.plan()
    cabinet.story["first apply"] = first = cabinet.apply()
    assert first.returncode == 0, first.stdout + first.stderr
    cabinet.story["second plan"] = cabinet.plan()
    cabinet.story["second apply"] = cabinet.apply()
