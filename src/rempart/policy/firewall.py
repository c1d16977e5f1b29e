"""Which services of the hosts may be reached, and by whom; everything else is closed."""

from __future__ import annotations

from typing import Literal

from rempart.policy.base import Model, described
from rempart.policy.value import Label, Network, Port


class Service(Model):
    """Ports that are open. SSH is not among them: it follows from the management networks."""

    name: Label = described("The service's name in rules and reports.", "http")
    protocol: Literal["tcp", "udp"] = described("Transport protocol.", "tcp", default="tcp")
    ports: tuple[Port, ...] = described("Port numbers.", [80, 443], min_length=1)
    hosts: tuple[Label, ...] = described(
        "Names of the hosts that offer it.", ["srv-sftp"], min_length=1
    )
    from_: tuple[Network, ...] = described(
        "Networks that may reach it.", ["192.168.1.0/24"], alias="from", min_length=1
    )


class Firewall(Model):
    """The practice's open services."""

    services: tuple[Service, ...] = described(
        "What may be reached besides SSH.", [{"name": "http", "ports": [80]}], default=()
    )
