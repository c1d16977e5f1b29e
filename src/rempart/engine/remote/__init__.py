"""The POSIX sh that runs on managed hosts; shellcheck reads these files as they are."""

from functools import cache
from pathlib import Path


@cache
def shell(name: str) -> str:
    """Return one of the ``.sh`` files beside this module."""
    return (Path(__file__).parent / f"{name}.sh").read_text(encoding="utf-8")
