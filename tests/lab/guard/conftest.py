"""Fixtures: hosts ready for a guarded change, as they were before the test that had them last."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import practice
import pytest
from patient import Patient, admitted

from lab.host import Host
from lab.session import Session


@pytest.fixture(scope="session")
def ward(
    lab: Session, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Patient]]:
    """`ward("debian-13")` admits a host once, with a snapshot to roll back to."""
    with ExitStack() as stack:

        @cache
        def bed(image: str) -> Patient:
            host = lab.fresh_host(f"{image}-ready")
            stack.callback(host.remove)
            patient = admitted(host, tmp_path_factory.mktemp(image))
            host.snapshot()
            return patient

        yield bed


@pytest.fixture
def admit(ward: Callable[..., Patient]) -> Iterator[Callable[..., Patient]]:
    """`admit("debian-13")` gives the patient of that image, rolled back; Debian 12 if not told."""
    with ExitStack() as stack:

        def roll_back(image: str = "debian-12") -> Patient:
            patient = ward(image)
            patient.host.roll_back()
            patient.host.run("umask 077; mkdir -p /run/rempart/pending")  # went with the reboot
            patient.inventory.with_name("go").unlink(missing_ok=True)  # of a run that was paused
            patient.before = patient.snapshot()
            stack.callback(patient.discharge)
            return patient

        yield roll_back


@pytest.fixture
def patient(admit: Callable[..., Patient]) -> Patient:
    """A Debian 12 host on which only guarded changes are left to make."""
    return admit()


@pytest.fixture
def neighbour(fresh_host: Callable[..., Host], tmp_path: Path) -> Iterator[Patient]:
    """A host behind a jump host of its own."""
    patient = admitted(fresh_host(practice.READY), tmp_path, jump=fresh_host(practice.READY))
    yield patient
    patient.discharge()
