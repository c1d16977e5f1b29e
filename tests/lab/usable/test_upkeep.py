"""What runs without anybody: security updates install themselves, a person's jobs are done."""

from __future__ import annotations

import pytest
from office import COMPARED, LOGIN, Office, as_user
from patient import wait_until

from lab.host import Host

LISTS = "cat /var/lib/apt/lists/*security*_Packages"


def updated_package(host: Host) -> str:
    """Return a small package that needs no other, and has had a security update."""
    sizes = {}
    for paragraph in host.run(LISTS).stdout.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line)
        if fields and not fields.keys() & {"Depends", "Pre-Depends", "Conflicts", "Breaks"}:
            sizes[fields["Package"]] = int(fields["Size"])
    for name in sorted(sizes, key=lambda name: sizes[name]):
        lines = host.run(f"apt-cache madison {name}").stdout.splitlines()
        if len({line.split("|")[1] for line in lines}) > 1:
            return name
    raise AssertionError("no package has a security update")


@pytest.mark.parametrize("name", ["desk", "server"])
def test_security_update_installs_itself(office: Office, name: str) -> None:
    host: Host = getattr(office, name)
    package = updated_package(host)
    office.accept(host)
    version = f"dpkg-query -W -f '${{Version}}' {package}"
    host.run(f"apt-get -q -y install --no-install-recommends {package}/bookworm")
    old = host.run(version).stdout
    host.run("rm -f /var/lib/apt/periodic/*stamp; systemctl start apt-daily-upgrade.service")
    new = host.run(version).stdout
    assert host.run(f"dpkg --compare-versions {new} gt {old}", check=False).returncode == 0
    assert host.run(COMPARED).stdout == ""  # Debian's own update is nothing to look into


def test_job_of_a_person_who_may_have_jobs_is_done(office: Office) -> None:
    line = "* * * * * id -un > ran"
    as_user(office.server, f"echo '{line}' | crontab -")
    ran = f"cat /home/{LOGIN}/ran"
    wait_until(lambda: office.server.run(ran, check=False).stdout == f"{LOGIN}\n", 180)
    as_user(office.server, "crontab -r")
