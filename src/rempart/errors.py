"""Errors that an operator sees as one clear line, never as a traceback.

They inherit from pyinfra's ``DeployError``: plain ``pyinfra`` prints that class as one line too.
Shape of a message: ``WHO: WHERE: WHAT (got VALUE); WHAT TO DO``.
"""

import traceback
from pathlib import Path

from pyinfra.api.exceptions import DeployError


class RempartError(DeployError):
    """Something the operator can mend; the text says how."""


def fault(error: Exception) -> str:
    """Return one line for a fault of our own, enough to report it."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    what = f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
    return f"internal error: {what}; please report it"
