"""A signal that means Ctrl-C ends the wait for hosts, wherever it finds a host's greenlet."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import gevent
import pytest

from rempart.interrupt import interruptible


@pytest.fixture
def like_ctrl_c() -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("like_ctrl_c")
def test_greenlet_is_not_left_in_the_middle_of_what_it_does() -> None:
    """It may hold a lock there, as subprocess does around a fork."""
    trail = []

    def work() -> None:
        trail.append("locked")
        os.kill(os.getpid(), signal.SIGTERM)
        trail.append("free")
        gevent.sleep(60)

    job = gevent.spawn(work)
    with interruptible(), pytest.raises(KeyboardInterrupt) as ended:
        gevent.joinall([job])
    job.kill()
    assert trail == ["locked", "free"]
    assert ended.value.args == (signal.SIGTERM,)
