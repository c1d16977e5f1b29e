"""The lab's hosts and networks as values: names, addresses, what differs from host to host.

`inventories/lab.yaml` and `inventories/lab-annexe.yaml` describe the same machines to rempart.
"""

import re
from dataclasses import dataclass

from lab.errors import LabError
from lab.place import HOSTS, LINK_PREFIX, NAME_PREFIX

ROUTER = NAME_PREFIX + "router"
"""Network namespace of the practice's router: its bridges, and nothing of the machine's."""

ANNEXE_SWITCH = NAME_PREFIX + "switch-annexe"
OUTSIDER = NAME_PREFIX + "outsider"
"""Network namespace of a machine on the practice's network that is no management machine."""


@dataclass(frozen=True)
class Network:
    """A bridge in a namespace, with a /24, and a /64 where `ipv6` has a prefix.

    `gateway` is the last number of the hosts' default gateway, `machine` of this machine's own
    address. Where they differ, the namespace routes.
    """

    name: str
    prefix: str  # "10.77.0"
    namespace: str
    gateway: int
    machine: int | None = None
    ipv6: str = ""  # "fd77::"

    @property
    def bridge(self) -> str:
        """Return the bridge's name, which this machine's interface on it has too."""
        return LINK_PREFIX + self.name

    def address(self, number: int) -> str:
        """Return the IPv4 address that ends in `number`."""
        return f"{self.prefix}.{number}"

    def address6(self, number: int) -> str:
        """Return the IPv6 address written with the same digits, or nothing."""
        return f"{self.ipv6}{number}" if self.ipv6 else ""

    def hardware_address(self, number: int) -> str:
        """Return a MAC address made of the IPv4 one: neighbours remember it across resets."""
        octets = [int(part) for part in self.address(number).split(".")]
        return "02:00:" + ":".join(f"{octet:02x}" for octet in octets)


LAB = Network("lab", "10.77.0", ROUTER, gateway=254, machine=1, ipv6="fd77::")
INNER = Network("inner", "192.168.1", ROUTER, gateway=1)
ANNEXE = Network("annexe", "192.168.1", ANNEXE_SWITCH, gateway=254, machine=254)

MACHINE_ADDRESS = LAB.address(1)
OUTSIDER_NUMBER = 200
SPARE_NUMBERS = range(100, 200)
"""Last numbers, on the practice's network, of hosts that come and go."""


@dataclass(frozen=True)
class HostSpec:
    """What one host is; `identity` is the name on the lab's command line."""

    identity: str
    image: str
    network: Network
    number: int
    second: tuple[Network, int] | None = None
    jump: str = ""
    locale: str = ""
    cloud_init: bool = False
    sudo_asks: bool = True

    @property
    def hostname(self) -> str:
        """Return the name the host has for itself."""
        return self.identity.rpartition("/")[2]

    @property
    def slug(self) -> str:
        """Return the identity as one word, for files and namespaces."""
        return self.identity.replace("/", "-")

    @property
    def namespace(self) -> str:
        """Return the name of the host's network namespace, which is its container's too."""
        return NAME_PREFIX + self.slug

    @property
    def plugs(self) -> list[tuple[Network, int]]:
        """Return the networks the host is on, eth0 first."""
        return [(self.network, self.number), *([self.second] if self.second else [])]


NAMED = {
    spec.identity: spec
    for spec in (
        HostSpec("srv-sftp", "debian-12", LAB, 10, second=(INNER, 2), cloud_init=True),
        HostSpec("accueil-1", "debian-12-desktop", LAB, 11),
        HostSpec("cabinet-1", "debian-13", LAB, 12, locale="fr_FR.UTF-8"),
        HostSpec("archives-1", "debian-12", INNER, 10, jump="srv-sftp", sudo_asks=False),
        HostSpec("annexe/archives-1", "debian-12", ANNEXE, 10, sudo_asks=False),
    )
}

PRACTICE = ("srv-sftp", "accueil-1", "cabinet-1", "archives-1")
"""What `up` boots when it is given no names."""


def spare(number: int, image: str) -> HostSpec:
    """Return the host that comes and goes at `number`, one of SPARE_NUMBERS."""
    return HostSpec(f"host-{number}", image, LAB, number)


def find(identity: str) -> HostSpec:
    """Return the host of that name; raises LabError if the lab has none."""
    if identity in NAMED:
        return NAMED[identity]
    match = re.fullmatch(r"host-(1\d\d)", identity)
    if match and (HOSTS / identity / "image").is_file():
        return spare(int(match[1]), (HOSTS / identity / "image").read_text())
    raise LabError(
        f"lab: host: unknown (got {identity!r}); choose one of {', '.join(NAMED)}, "
        "or host-100 to host-199 where `python -m lab status` shows it"
    )
