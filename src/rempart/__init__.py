"""rempart hardens the Linux machines of health practices and proves it."""

from importlib.metadata import version

__version__ = version("rempart")
