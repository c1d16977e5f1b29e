"""The POSIX sh that runs on managed hosts; shellcheck reads these files as they are."""

from functools import cache
from pathlib import Path


@cache
def shell(name: str) -> str:
    """Return one of the ``.sh`` files beside this module."""
    return (Path(__file__).parent / f"{name}.sh").read_text(encoding="utf-8")


def whole(body: str, *libraries: str) -> str:
    """Return sh with ``lib`` and these libraries before ``body``, lines of sh.

    A connection may be cut anywhere, and a shell carries out what it has read so far. It reads to
    the closing brace first, so half a script does nothing.
    """
    return "".join(map(shell, ("lib", *libraries))) + f"{{\n{body}}}\n"
