"""Run `rempart` and die in the middle: `python interrupted_release.py WHEN release …`."""

# ruff: noqa: E402  (what opens sockets must be imported after gevent's patching)
from gevent import monkey

monkey.patch_all()

import os
import signal
import sys
from typing import Any

from rempart.cli import main
from rempart.engine import guard
from rempart.release import steps


def die(*arguments: Any, **more: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    match sys.argv.pop(1):
        case "before-proof":
            guard._confirm = die
        case "after-guard":
            steps.Leaving.give_up = die  # type: ignore[method-assign]
        case "before-farewell":
            steps._farewell = die
        case "after-farewell":
            steps._await_gone = die
    main()
