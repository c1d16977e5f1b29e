"""Bridges and network namespaces. Every step can be repeated; names tell what to remove."""

import ipaddress
import json

from lab.errors import LabError
from lab.place import LINK_PREFIX, NAME_PREFIX
from lab.process import run
from lab.topology import ANNEXE, INNER, LAB, OUTSIDER, OUTSIDER_NUMBER, ROUTER, HostSpec, Network

# The inner network is behind an address translation that lets nothing in: who wants to reach it
# has to go through srv-sftp, as in a practice.
ROUTER_RULES = f"""
table ip router {{
  chain forward {{
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    iifname "{INNER.bridge}" oifname "eth0" accept
  }}
  chain postrouting {{
    type nat hook postrouting priority srcnat;
    oifname "eth0" masquerade
  }}
}}
"""


def make_base() -> None:
    """Make the practice's network, its router, and the outsider."""
    _make_bridge(LAB)
    if not _is_complete(ROUTER):
        _remove_namespace(ROUTER)
        run(["ip", "netns", "add", ROUTER])
        _plug(ROUTER, LAB, LAB.gateway, "eth0")
        _make_bridge(INNER)
        run(["ip", "netns", "exec", ROUTER, "nft", "-f", "-"], stdin=ROUTER_RULES)
        run(["ip", "netns", "exec", ROUTER, "sysctl", "-q", "net.ipv4.ip_forward=1"])
        _complete(ROUTER)
    if not _is_complete(OUTSIDER):
        _remove_namespace(OUTSIDER)
        run(["ip", "netns", "add", OUTSIDER])
        _plug(OUTSIDER, LAB, OUTSIDER_NUMBER, "eth0")
        _complete(OUTSIDER)


def connect(spec: HostSpec) -> None:
    """Give the host its namespace, interfaces, addresses and default route."""
    if spec.network is ANNEXE:
        _make_bridge(ANNEXE)
    if not _is_complete(spec.namespace):
        disconnect(spec)
        run(["ip", "netns", "add", spec.namespace])
        for index, (network, number) in enumerate(spec.plugs):
            _plug(spec.namespace, network, number, f"eth{index}")
        gateway = spec.network.address(spec.network.gateway)
        run(["ip", "-n", spec.namespace, "route", "add", "default", "via", gateway])
        _complete(spec.namespace)
    switch(spec, "up")


def disconnect(spec: HostSpec) -> None:
    """Remove the host's namespace and cables."""
    _remove_namespace(spec.namespace)
    for network, number in spec.plugs:
        run([*_ip(network.namespace), "link", "del", _cable(network, number)], check=False)


def switch(spec: HostSpec, state: str) -> None:
    """Plug (`up`) or pull (`down`) all network cables of the host."""
    for network, number in spec.plugs:
        run([*_ip(network.namespace), "link", "set", _cable(network, number), state])


def is_made(spec: HostSpec) -> bool:
    """Tell whether the host's namespace stands."""
    return _is_complete(spec.namespace)


def remove_all() -> None:
    """Remove every interface and namespace with the lab's prefixes."""
    for link in _links():
        if link.startswith(LINK_PREFIX):
            run(["ip", "link", "del", link], check=False)  # a cable's other end took it along
    for line in run(["ip", "netns", "list"]).stdout.splitlines():
        if line.startswith(NAME_PREFIX):
            _remove_namespace(line.split()[0])


def _make_bridge(network: Network) -> None:
    ip = _ip(network.namespace)
    if network.bridge not in _links(network.namespace):
        if not network.namespace:
            _refuse_taken(network)
        run([*ip, "link", "add", network.bridge, "type", "bridge", "mcast_snooping", "0"])
    own = network.address(network.own)
    run([*ip, "address", "replace", f"{own}/24", "dev", network.bridge])
    if network.ipv6:
        own6 = network.address6(network.own)
        run([*ip, "address", "replace", f"{own6}/64", "dev", network.bridge, "nodad"])
    run([*ip, "link", "set", network.bridge, "up"])


def _refuse_taken(network: Network) -> None:
    """Raise LabError if the machine already reaches something at these addresses."""
    wanted = ipaddress.ip_network(f"{network.prefix}.0/24")
    for route in json.loads(run(["ip", "-j", "route"]).stdout):
        taken = route["dst"] != "default" and ipaddress.ip_network(route["dst"]).overlaps(wanted)
        if taken and not route["dev"].startswith(LINK_PREFIX):
            raise LabError(
                f"lab: network {network.name}: {wanted} is in use on this machine "
                f"(got a route to {route['dst']} by {route['dev']}); run the lab on another machine"
            )


def _plug(namespace: str, network: Network, number: int, interface: str) -> None:
    ip, cable = _ip(network.namespace), _cable(network, number)
    peer = ["peer", "name", interface, "netns", namespace]
    run([*ip, "link", "add", cable, "type", "veth", *peer])
    run([*ip, "link", "set", cable, "master", network.bridge, "up"])
    inside = ["ip", "-n", namespace]
    run([*inside, "address", "add", f"{network.address(number)}/24", "dev", interface])
    if network.ipv6:
        address6 = f"{network.address6(number)}/64"
        run([*inside, "address", "add", address6, "dev", interface, "nodad"])
    run([*inside, "link", "set", interface, "up"])


def _complete(namespace: str) -> None:
    """Bring the loopback up, always last: it tells a finished namespace from a half-made one."""
    run(["ip", "-n", namespace, "link", "set", "lo", "up"])


def _is_complete(namespace: str) -> bool:
    shown = run(["ip", "-n", namespace, "link", "show", "lo", "up"], check=False)
    return shown.returncode == 0 and bool(shown.stdout)


def _remove_namespace(namespace: str) -> None:
    run(["ip", "netns", "del", namespace], check=False)


def _ip(namespace: str) -> list[str]:
    return ["ip", "-n", namespace] if namespace else ["ip"]


def _cable(network: Network, number: int) -> str:
    return f"{LINK_PREFIX}{network.name}{number}"


def _links(namespace: str = "") -> list[str]:
    shown = run([*_ip(namespace), "-j", "link"]).stdout
    return [link["ifname"] for link in json.loads(shown)]
