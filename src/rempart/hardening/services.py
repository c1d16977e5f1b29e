"""Services: what must not be on a host at all (SF-2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from rempart.policy import Host, Policy, Traits
from rempart.resources import Package, Resource

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


def desired(policy: Policy, host: Host, traits: Traits, today: date) -> Sequence[Resource]:
    """Return the packages that must be absent."""
    return [
        Package(concern="services", controls=("SF-2",), package=package, present=False)
        for package in CLEAR_TEXT
    ]
