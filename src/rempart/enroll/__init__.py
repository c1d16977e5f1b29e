"""Enrolment: from a stock host's first password login to the automation account, once per host."""

from rempart.enroll.host import Enrolled, EnrollError, Person, enroll, in_order

__all__ = ["EnrollError", "Enrolled", "Person", "enroll", "in_order"]
