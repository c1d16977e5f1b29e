"""Errors that an operator sees as one clear line, never as a traceback.

They inherit from pyinfra's ``DeployError``: plain ``pyinfra`` prints that class as one line too.
Shape of a message: ``WHO: WHERE: WHAT (got VALUE); WHAT TO DO``.
"""

from pyinfra.api.exceptions import DeployError


class RempartError(DeployError):
    """Something the operator can mend; the text says how."""
