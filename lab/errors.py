"""The one error the lab raises for what an operator can understand and act upon."""


class LabError(Exception):
    """One line for an operator: who, where, what, what to do."""
