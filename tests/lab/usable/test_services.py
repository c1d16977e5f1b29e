"""What a practice installs on a hardened server serves whom the policy names, and nobody else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import practice
import pytest
from office import INSTALL, LOGIN, PASSWORD, Office, as_user, outsider_reaches
from patient import wait_until

# As administrators do it. New files are root's alone (the strict umask), so what a daemon reads as
# somebody else is opened.
SET_UP = f"""
{INSTALL} apache2 postgresql samba
echo '<p id="p">Agenda</p>' > /var/www/html/index.html
chmod 644 /var/www/html/index.html
cd /etc/postgresql/15/main
echo "listen_addresses = '*'" > conf.d/cabinet.conf
chmod 644 conf.d/cabinet.conf
echo 'host dossiers durand samenet scram-sha-256' >> pg_hba.conf
systemctl restart postgresql
runuser -u postgres -- psql -qc "create role durand login password '{PASSWORD}'"
runuser -u postgres -- psql -qc "create database dossiers owner durand"
install -d -m 2770 -g users /srv/cabinet
adduser --quiet {LOGIN} users
cat >> /etc/samba/smb.conf << 'END'
[cabinet]
path = /srv/cabinet
read only = no
valid users = @users
END
printf '%s\\n%s\\n' '{PASSWORD}' '{PASSWORD}' | smbpasswd -s -a {LOGIN}
systemctl reload smbd
"""

PORTS = {"agenda": [80], "records": [5432], "files": [139, 445]}


@dataclass
class Serving:
    """The office once its server serves, and what verify said before the policy named it."""

    office: Office
    unknown: dict[str, Any]

    @property
    def address(self) -> str:
        return self.office.server.address

    def at_the_desk(self, command: str) -> str:
        """Return what a command of the practitioner's says at her desk."""
        return as_user(self.office.desk, command, timeout_s=120).stdout


@pytest.fixture(scope="module")
def serving(office: Office) -> Serving:
    office.administer(office.server, SET_UP)
    office.administer(office.desk, f"{INSTALL} postgresql-client smbclient")
    unknown = json.loads(office.verify("srv", "--control", "FW-3", "--json").stdout)
    office.apply()  # the services that nobody may reach are switched off
    assert not office.server.run("ss -Hltn 'sport = 445'").stdout
    desk = [f"{office.desk.address}/32"]
    office.open(
        [
            {"name": name, "ports": ports, "hosts": ["srv"], "from": desk}
            for name, ports in PORTS.items()
        ]
    )
    return Serving(office, unknown)


def test_ports_that_the_policy_does_not_name_are_found(serving: Serving) -> None:
    assert serving.unknown["ok"] is False
    (found,) = [r for r in serving.unknown["hosts"]["t/srv"] if r["result"] == "fail"]
    for process in ("apache2", "smbd", "nmbd", "postgres"):
        assert process in found["actual"], found


def test_web_page_is_seen_at_the_desk(serving: Serving) -> None:
    seen = serving.at_the_desk(f"chromium --headless --dump-dom http://{serving.address}/")
    assert '<p id="p">Agenda</p>' in seen


def test_database_is_used_at_the_desk(serving: Serving) -> None:
    where = f"host={serving.address} dbname=dossiers user=durand password={PASSWORD}"
    sql = "create table if not exists acte (price int); insert into acte values (2892);"
    said = serving.at_the_desk(f'psql -qAt "{where}" -c "{sql} select price from acte limit 1"')
    assert said == "2892\n"


def test_file_share_is_used_at_the_desk(serving: Serving) -> None:
    share = f"smbclient //{serving.address}/cabinet -U {LOGIN}%{PASSWORD}"
    serving.at_the_desk(f"echo Bonjour > ~/lettre; cd; {share} -c 'put lettre'")
    assert serving.at_the_desk(f"cd; {share} -c 'get lettre reçue' >&2; cat reçue") == "Bonjour\n"
    nobody = as_user(
        serving.office.desk, f"smbclient -N //{serving.address}/cabinet -c ls", check=False
    )
    assert nobody.returncode != 0


@pytest.mark.parametrize("port", [port for ports in PORTS.values() for port in ports])
def test_others_on_the_network_reach_none_of_it(serving: Serving, port: int) -> None:
    assert serving.office.server.run(f"ss -Hltn 'sport = {port}'").stdout
    assert not outsider_reaches(serving.office.server, port)


def test_boot_brings_them_back_and_all_is_green(serving: Serving) -> None:
    server = serving.office.server
    server.reboot()
    wait_until(lambda: server.run("pg_isready", check=False).returncode == 0, 120)
    test_file_share_is_used_at_the_desk(serving)
    test_web_page_is_seen_at_the_desk(serving)
    test_database_is_used_at_the_desk(serving)
    assert practice.planned(serving.office.inventory, "--host", "srv") == {"t/srv": {}}
    serving.office.accept(serving.office.server)
    done = serving.office.verify("srv")
    assert done.returncode == 0, done.stdout
