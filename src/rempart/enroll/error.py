"""The error of this package."""

from rempart.errors import RempartError


class EnrollError(RempartError):
    """A host that cannot be enrolled; the text says what to do, and that nothing is half-done."""
