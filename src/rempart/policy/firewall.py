"""Which services of the hosts may be reached, and by whom; everything else is closed."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, model_validator

from rempart.policy.base import Model, described
from rempart.policy.mistake import wrong
from rempart.policy.value import Label, Network, Port

MDNS = "mdns"
"""The name of multicast DNS, whose protocol and port nobody has to know."""
MDNS_PORT: dict[str, Any] = {"protocol": "udp", "ports": (5353,)}
"""RFC 6762, 3."""


def _ports_but_for_mdns(schema: dict[str, Any]) -> None:
    """Tell editors what the validators below say."""
    schema["required"].remove("ports")
    schema["if"] = {"properties": {"name": {"const": MDNS}}}
    schema["then"] = {"properties": {"protocol": {"const": "udp"}, "ports": {"const": [5353]}}}
    schema["else"] = {"required": ["ports"]}


class Service(Model):
    """Ports that are open. SSH is not among them: it follows from the management networks."""

    model_config = ConfigDict(json_schema_extra=_ports_but_for_mdns)

    name: Label = described(
        "The service's name in rules and reports. `mdns` lets a host find, and be found by,"
        " printers, scanners and `.local` names of the networks in `from`; it needs neither"
        " `protocol` nor `ports`.",
        "http",
    )
    protocol: Literal["tcp", "udp"] = described("Transport protocol.", "tcp", default="tcp")
    ports: tuple[Port, ...] = described("Port numbers.", [80, 443], min_length=1)
    hosts: tuple[Label, ...] = described(
        "Names of the hosts that offer it.", ["srv-sftp"], min_length=1
    )
    from_: tuple[Network, ...] = described(
        "Networks that may reach it.", ["192.168.1.0/24"], alias="from", min_length=1
    )

    @model_validator(mode="before")
    @classmethod
    def _with_known_port(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("name") == MDNS:
            return MDNS_PORT | data
        return data

    @model_validator(mode="after")
    def _without_another_port(self) -> Service:
        if self.name == MDNS and {"protocol": self.protocol, "ports": self.ports} != MDNS_PORT:
            hint = "leave 'protocol' and 'ports' out, or give the service another name"
            raise wrong("mdns is udp, port 5353", hint)
        return self


class Firewall(Model):
    """The practice's open services."""

    services: tuple[Service, ...] = described(
        "What may be reached besides SSH.", [{"name": "http", "ports": [80]}], default=()
    )
