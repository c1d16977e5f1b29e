"""Bridges and network namespaces. Every step can be repeated; names tell what to remove.

The bridges are in namespaces of their own, so that the machine's forwarding and firewall (Docker's,
say) have no part in what passes between hosts.
"""

import ipaddress
import json

from lab.errors import LabError
from lab.place import LINK_PREFIX, NAME_PREFIX
from lab.process import run
from lab.topology import INNER, LAB, OUTSIDER, OUTSIDER_NUMBER, ROUTER, HostSpec, Network

# The inner network is behind an address translation that lets nothing in: who wants to reach it
# has to go through srv-sftp, as in a practice. The source is named because a kernel with
# br_netfilter shows this table also what merely passes a bridge.
ROUTER_RULES = f"""
table ip router
flush table ip router
table ip router {{
  chain forward {{
    type filter hook forward priority filter; policy accept;
    iifname "{LAB.bridge}" oifname "{INNER.bridge}" ct state new drop
  }}
  chain postrouting {{
    type nat hook postrouting priority srcnat;
    ip saddr {INNER.prefix}.0/24 oifname "{LAB.bridge}" masquerade
  }}
}}
"""

# Only to make the bridge's hardware address: left to itself, it changes with every cable.
_BRIDGE_NUMBER = 255


def make_base() -> None:
    """Make the practice's network, its router, and the outsider."""
    _make_network(LAB)
    _make_network(INNER)
    run(["ip", "netns", "exec", ROUTER, "nft", "-f", "-"], stdin=ROUTER_RULES)
    _forward(ROUTER, "1")
    _make_namespace(OUTSIDER)
    _plug(OUTSIDER, LAB, OUTSIDER_NUMBER, "eth0")


def connect(spec: HostSpec) -> None:
    """Give the host its namespace, interfaces, addresses and default route, or repair them."""
    if spec.network.namespace != ROUTER:
        _make_network(spec.network)
    _make_namespace(spec.namespace)
    for index, (network, number) in enumerate(spec.plugs):
        _plug(spec.namespace, network, number, f"eth{index}")
    gateway = spec.network.address(spec.network.gateway)
    run(["ip", "-n", spec.namespace, "route", "replace", "default", "via", gateway])


def disconnect(spec: HostSpec) -> None:
    """Remove the host's namespace and cables."""
    for network, number in spec.plugs:
        cable = _cable(network, number)
        run(["ip", "-n", network.namespace, "link", "del", cable], check=False)
    _remove_namespace(spec.namespace)


def switch(spec: HostSpec, state: str) -> None:
    """Plug (`up`) or pull (`down`) all network cables of the host."""
    for network, number in spec.plugs:
        run(["ip", "-n", network.namespace, "link", "set", _cable(network, number), state])


def remove_all() -> None:
    """Remove every interface and namespace with the lab's prefixes."""
    for link in _links():
        if link.startswith(LINK_PREFIX):
            run(["ip", "link", "del", link], check=False)  # gone already with its other end
    for line in run(["ip", "netns", "list"]).stdout.splitlines():
        if line.startswith(NAME_PREFIX):
            _remove_namespace(line.split()[0])


def _make_network(network: Network) -> None:
    _make_namespace(network.namespace)
    ip = ["ip", "-n", network.namespace]
    if network.bridge not in _links(network.namespace):
        mac = ["address", network.hardware_address(_BRIDGE_NUMBER)]
        run([*ip, "link", "add", network.bridge, *mac, "type", "bridge", "mcast_snooping", "0"])
    run([*ip, "link", "set", network.bridge, "up"])
    if network.machine is None or network.machine != network.gateway:
        gateway = network.address(network.gateway)
        run([*ip, "address", "replace", f"{gateway}/24", "dev", network.bridge])
    if network.machine is not None:
        _refuse_taken(network)
        _plug("", network, network.machine, network.bridge)


def _refuse_taken(network: Network) -> None:
    """Raise LabError if the machine already reaches something at these addresses."""
    wanted = ipaddress.ip_network(f"{network.prefix}.0/24")
    for route in json.loads(run(["ip", "-j", "route"]).stdout):
        taken = route["dst"] != "default" and ipaddress.ip_network(route["dst"]).overlaps(wanted)
        device = route.get("dev", route.get("type"))  # a blackhole has no device
        if taken and not device.startswith(LINK_PREFIX):
            raise LabError(
                f"lab: network {network.name}: {wanted} is in use on this machine "
                f"(got a route to {route['dst']} by {device}); run the lab on another machine"
            )


def _plug(namespace: str, network: Network, number: int, interface: str) -> None:
    """Lay a cable from the network's bridge to `interface`; an empty namespace is the machine."""
    inside, cable = _ip(namespace), _cable(network, number)
    if interface not in _links(namespace):
        mac = ["address", network.hardware_address(number)]
        peer = ["peer", "name", cable, "netns", network.namespace]
        run([*inside, "link", "add", interface, *mac, "type", "veth", *peer])
    outside = ["ip", "-n", network.namespace]
    run([*outside, "link", "set", cable, "master", network.bridge, "up"])
    address = f"{network.address(number)}/24"
    run([*inside, "address", "replace", address, "dev", interface])
    if network.ipv6:
        address6 = f"{network.address6(number)}/64"
        run([*inside, "address", "replace", address6, "dev", interface, "nodad"])
    run([*inside, "link", "set", interface, "up"])


def _make_namespace(namespace: str) -> None:
    loopback = ["ip", "-n", namespace, "link", "set", "lo", "up"]
    if run(loopback, check=False).returncode != 0:
        _remove_namespace(namespace)  # a name without a namespace, when `add` was interrupted
        run(["ip", "netns", "add", namespace])
        run(loopback)
        # The kernel hands on what the machine does (Docker's, libvirt's), and redirects with it.
        _forward(namespace, "0")


def _forward(namespace: str, word: str) -> None:
    command = ["ip", "netns", "exec", namespace, "tee", "/proc/sys/net/ipv4/ip_forward"]
    run(command, stdin=f"{word}\n")


def _remove_namespace(namespace: str) -> None:
    run(["ip", "netns", "del", namespace], check=False)


def _ip(namespace: str) -> list[str]:
    return ["ip", "-n", namespace] if namespace else ["ip"]


def _cable(network: Network, number: int) -> str:
    return f"{LINK_PREFIX}{network.name}{number}"


def _links(namespace: str = "") -> list[str]:
    shown = run([*_ip(namespace), "-j", "link"]).stdout
    return [link["ifname"] for link in json.loads(shown)]
