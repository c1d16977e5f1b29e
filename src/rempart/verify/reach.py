"""Who may reach which port of a host, as the policy says, and which ports are worth a try."""

from __future__ import annotations

from ipaddress import ip_address

from rempart.policy import Host, Policy
from rempart.policy.value import IPNetwork
from rempart.verify import mdns
from rempart.verify.sockets import Listener

NOTORIOUS = (
    *(20, 21, 22, 23, 25, 53, 69, 80, 110, 111, 135, 137, 138, 139, 143, 161, 389, 443, 445),
    *(512, 513, 514, 515, 548, 631, 873, 993, 1099, 1433, 1521, 2049, 2222, 2375, 3306, 3389),
    *(4242, 5000, 5353, 5432, 5900, 5901, 5984, 6000, 6379, 8000, 8042, 8080, 8443, 9100, 9200),
    *(10000, 11112, 27017),
)
"""Tried on every host, whatever it says it listens on: clear text, remote desktops, shares,
databases, DICOM (104, 4242, 11112), Orthanc (8042), printers, debugging ports."""

AVAHI = "/system.slice/avahi-daemon.service"
"""The control group of its processes: others can take its name, but root alone puts them there."""

CLEAR_TEXT_PORTS = (20, 21, 23, 69, 512, 513, 514)
"""FTP, telnet, TFTP, rexec, rlogin, rsh."""


def allowed(policy: Policy, host: Host) -> dict[tuple[str, int], tuple[IPNetwork, ...]]:
    """Return which networks may reach which (protocol, port) of a host; nobody any other."""
    ports = {("tcp", host.port): policy.automation_sources(host)}
    for service in policy.firewall.services:
        if host.name in service.hosts:
            for port in service.ports:
                key = (service.protocol, port)
                ports[key] = (*ports.get(key, ()), *service.from_)
    return ports


def may_reach(policy: Policy, host: Host, source: str) -> set[tuple[str, int]]:
    """Return the (protocol, port) of a host that somebody at that address may reach."""
    address = ip_address(source)
    return {
        key
        for key, networks in allowed(policy, host).items()
        if any(address in network for network in networks)
    }


def is_known(policy: Policy, host: Host, listener: Listener) -> bool:
    """Return whether a socket is one that the policy names, or that comes with what it names.

    Avahi, with which workstations find printers, also waits on ports that the kernel chose, for
    answers. That others reach none of them is tried, and read from the firewall's rules.
    """
    ports = allowed(policy, host)
    finds_printers = host.role == "workstation" or ("udp", mdns.PORT) in ports
    is_avahi = listener.protocol == "udp" and listener.group == AVAHI
    return (listener.protocol, listener.port) in ports or (is_avahi and finds_printers)


def peers(policy: Policy, host: Host) -> list[Host]:
    """Return the hosts of the practice from which this one can be tried, best first.

    The jump host for one behind it; otherwise hosts that stand where this one stands.
    """
    if host.jump:
        return [policy.host(host.jump)]
    return [other for other in policy.hosts if other.jump is None and other != host]
