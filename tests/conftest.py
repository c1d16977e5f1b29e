"""Which tests stay together on one worker: those that share hosts whose hardening took a while."""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

TOGETHER = ("tests/lab/apply/", "tests/lab/verify/", "tests/lab/test_pyinfra.py")


class Together(LoadScopeScheduling):
    """Sends out the shared hosts' tests first, each group as one, and all others one by one."""

    def _split_scope(self, nodeid: str) -> str:
        return next((group for group in TOGETHER if nodeid.startswith(group)), nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Together:
    return Together(config, log)
