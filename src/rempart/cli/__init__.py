"""The command line: parse, call, print. Logic lives elsewhere."""


def main() -> None:
    """Run ``rempart``."""
    # pyinfra's API works with greenlets; everything that opens sockets must be imported after this.
    from gevent import monkey

    monkey.patch_all()
    from rempart.cli.app import run

    run()
