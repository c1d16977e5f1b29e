"""Services: what must not be on a host at all (SF-2), and what needs the policy's word (FW-3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from rempart.policy import Host, Policy, Traits
from rempart.resources import Package, Resource, Unit

CLEAR_TEXT = (
    "atftpd",
    "ftp",
    "ftpd",
    "ftpd-ssl",
    "inetutils-ftp",
    "inetutils-ftpd",
    "inetutils-telnet",
    "inetutils-telnetd",
    "proftpd-core",
    "pure-ftpd",
    "rsh-client",
    "rsh-server",
    "telnet",
    "telnet-ssl",
    "telnetd",
    "telnetd-ssl",
    "tftpd-hpa",
    "tnftp",
    "vsftpd",
)
"""Debian's FTP, telnet and rsh packages: passwords and files in clear text."""


OBSOLETE = ("nis", "talk", "talkd", "xinetd", "ypbind-mt", "ypserv")
"""More packages that no practice needs (ANSSI-BP-028 R58)."""

DISCOVERY = {
    "avahi-daemon.service": ("udp", 5353),
    "avahi-daemon.socket": ("udp", 5353),
    "cups-browsed.service": ("udp", 5353),
}
"""What a desktop finds printers and scanners with, a USB one's driver (``ipp-usb``) included, which
starts avahi again by itself. Left alone on workstations: the firewall keeps the network out."""

LISTENING = {
    "nfs-server.service": ("tcp", 2049),
    "nmbd.service": ("udp", 137),
    "rpcbind.service": ("tcp", 111),
    "rpcbind.socket": ("tcp", 111),
    "smbd.service": ("tcp", 445),
    "snmpd.service": ("udp", 161),
}
"""Services that listen for others as soon as they are installed (ANSSI-BP-028 R62, R80), and the
port of each. The firewall lets nobody reach them, so they are switched off where the policy does
not name that port."""


def desired(policy: Policy, host: Host, traits: Traits, today: date) -> Sequence[Resource]:
    """Return the packages that must be absent, and the services that nobody may reach, off."""
    named = {
        (service.protocol, port)
        for service in policy.firewall.services
        if host.name in service.hosts
        for port in service.ports
    }
    listening = LISTENING if host.role == "workstation" else DISCOVERY | LISTENING
    return [
        *(
            Package(concern="services", controls=("SF-2",), package=package, present=False)
            for package in (*CLEAR_TEXT, *OBSOLETE)
        ),
        *(
            Unit(concern="services", controls=("FW-3",), unit=unit, enabled=False, running=False)
            for unit, port in listening.items()
            if port not in named
        ),
    ]
