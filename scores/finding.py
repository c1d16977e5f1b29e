"""What an auditor found, and the error of one that cannot be believed."""

from __future__ import annotations

from dataclasses import dataclass


class AuditError(Exception):
    """An auditor did not run, or said what it never says: there is no score."""


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that an auditor does not like.

    >>> Finding("openscap", "partition_for_home", "Ensure /home Located On Separate Partition")
    """

    auditor: str
    rule: str
    title: str
