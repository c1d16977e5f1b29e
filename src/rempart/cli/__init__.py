"""The command line: parse, call, print. Logic lives elsewhere."""

import gc
import sys


def main() -> None:
    """Run ``rempart``."""
    gc.disable()  # what is imported stays: looking for garbage there is a tenth of the start-up
    # paramiko imports it for `Match exec` in an ssh_config, which we never read; it is large.
    # None makes an import fail as if it were not installed, which paramiko expects.
    sys.modules["invoke"] = None  # type: ignore[assignment]
    # pyinfra's API works with greenlets; everything that opens sockets must be imported after this.
    from gevent import monkey

    monkey.patch_all()
    from rempart.cli.app import add_commands, run

    add_commands(sys.argv[1:])
    gc.freeze()
    gc.enable()
    run()
