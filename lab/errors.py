"""The one error the lab raises for what an operator can understand and act upon."""


class LabError(Exception):
    """One line for an operator: who, where, what, what to do."""


class DroppedError(LabError):
    """The archive no longer has a release of Debian that only tests of old programs ask for."""
