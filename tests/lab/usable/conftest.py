"""A desk and a server, hardened once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import practice
import pytest
from office import LOGIN, PASSWORD, TECHNICIAN, TECHNICIANS, Office

from lab.session import Session


@pytest.fixture(scope="session")
def office(lab: Session, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with ExitStack() as stack:
        hosts = {"desk": lab.fresh_host("debian-12-desktop"), "srv": lab.fresh_host("debian-12")}
        for host in hosts.values():
            stack.callback(host.remove)
        inventory = practice.enrolled(
            tmp_path_factory.mktemp("office"),
            hosts,
            roles={"srv": "sftp_server"},
            people=[practice.MARIE | {"scheduled_jobs": True}],
        )
        practice.edit(inventory, lambda data: data.update(baseline="enhanced"))
        office = Office(hosts["desk"], hosts["srv"], inventory)
        office.apply()
        for host in hosts.values():
            host.run("chpasswd", input=f"{LOGIN}:{PASSWORD}\n{TECHNICIAN}:{TECHNICIANS}\n")
        yield office
