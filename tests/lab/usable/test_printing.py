"""Printing: at the desk, and on its printer from the one host that the policy names."""

from __future__ import annotations

from collections.abc import Callable

import practice
import pytest
from office import INSTALL, LOGIN, Office, as_user, outsider_reaches
from patient import wait_until

from lab.host import Host

# A printer that prints into the person's own folder.
QUEUE = """
lpadmin -p bureau -E -v cups-pdf:/ -m lsb/usr/cups-pdf/CUPS-PDF_opt.ppd -o printer-is-shared=true
cupsctl --share-printers
"""
PORT = 631


def printed(desk: Host) -> set[str]:
    """Return the pages that came out for the practitioner."""
    found = f"grep -l '^%PDF' /home/{LOGIN}/PDF/*.pdf 2> /dev/null"
    return set(desk.run(found, check=False).stdout.split())


def comes_out(desk: Host, say_print: Callable[[], object]) -> None:
    """See that a page more has come out after it was sent."""
    before = printed(desk)
    say_print()
    wait_until(lambda: printed(desk) > before, 120)


@pytest.fixture(scope="module")
def shared(office: Office) -> Office:
    """The office, whose desk shares its printer with the server."""
    office.administer(office.desk, QUEUE)
    office.administer(office.server, f"{INSTALL} cups-client")
    return office


def test_page_is_printed_at_the_desk(shared: Office) -> None:
    comes_out(shared.desk, lambda: as_user(shared.desk, "echo Ordonnance | lp -d bureau"))


def test_shared_printer_is_for_whom_the_policy_names(shared: Office) -> None:
    where = f"-h {shared.desk.address}:{PORT}"
    ask = f"timeout 10 lpstat {where} -p bureau"
    assert f"0.0.0.0:{PORT}" in shared.desk.run(f"ss -Hltn 'sport = {PORT}'").stdout
    assert as_user(shared.server, ask, check=False).returncode != 0

    server = [f"{shared.server.address}/32"]
    shared.open([{"name": "printer", "ports": [PORT], "hosts": ["desk"], "from": server}])
    comes_out(shared.desk, lambda: as_user(shared.server, f"echo Devis | lp {where} -d bureau"))
    assert not outsider_reaches(shared.desk, PORT)
    assert practice.planned(shared.inventory, "--host", "desk") == {"t/desk": {}}
    done = shared.verify("desk", "--control", "FW-2", "--control", "FW-3")
    assert done.returncode == 0, done.stdout
