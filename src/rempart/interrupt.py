"""Ctrl-C, and the signals that mean the same, while greenlets work on hosts side by side."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import gevent

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let a signal that means Ctrl-C wake this greenlet, which ends the others, whoever runs then.

    Python would raise it in the host's greenlet that happens to run, which would die of it without
    its last words. Nor is that one left in the middle, for it may hold what this one needs, such as
    logging's lock around a fork: the hub wakes this greenlet. The KeyboardInterrupt carries the
    signal's number. Signals that are ignored, as by nohup, stay so.
    """
    here, loop = gevent.getcurrent(), gevent.get_hub().loop

    def wake(number: int, frame: FrameType | None) -> None:
        if gevent.getcurrent() is here:
            raise KeyboardInterrupt(number)
        loop.run_callback_threadsafe(here.throw, KeyboardInterrupt(number))

    endings = [each for each in ENDINGS if signal.getsignal(each) is signal.default_int_handler]
    for each in endings:
        signal.signal(each, wake)
    try:
        yield
    finally:
        for each in endings:
            signal.signal(each, signal.default_int_handler)
