"""What: the machines of a practice, and what enrolment found out about them."""

from __future__ import annotations

from typing import Literal

from rempart.policy.base import Model, described
from rempart.policy.value import Address, Addresses, Clock, Label, Port, Word

HostRole = Literal["workstation", "sftp_server"]
Firewall = Literal["ufw", "firewalld", "iptables-persistent"]
SMALL_MEMORY_MIB = 4096

CONTAINERS = frozenset(
    (
        *("container-other", "docker", "lxc", "lxc-libvirt", "openvz", "podman"),
        *("pouch", "proot", "rkt", "systemd-nspawn", "wsl"),
    )
)
"""What systemd-detect-virt(1) names whose kernel is that of the machine around it."""


class Traits(Model):
    """What a host is, recorded by `rempart enroll` and compared at each observation."""

    os: Word = described("Distribution, `ID` of os-release(5).", "debian")
    release: Word = described("Release, `VERSION_ID` of os-release(5).", "12")
    codename: Word = described("Release's name, `VERSION_CODENAME` of os-release(5).", "bookworm")
    arch: Word = described("Architecture, as `dpkg --print-architecture` names it.", "amd64")
    virtualisation: Word = described(
        "As systemd-detect-virt(1) names it; `none` is a real machine.", "none"
    )
    memory: Literal["small", "standard"] = described(
        "`small` is under 4096 MiB: too little for a resident antivirus scanner.", "standard"
    )
    desktop: Word = described("Desktop environment; `none` without one.", "gnome")
    locale: Word = described("The system's LANG, see locale.conf(5).", "fr_FR.UTF-8")

    @property
    def is_container(self) -> bool:
        """Return whether the kernel is shared with the machine around it, and not ours to set."""
        return self.virtualisation in CONTAINERS


def memory_class(total_mib: int) -> Literal["small", "standard"]:
    """Return the `memory` trait of a host with that much memory, in MiB."""
    return "small" if total_mib < SMALL_MEMORY_MIB else "standard"


class Host(Model):
    """A machine of the practice."""

    name: Label = described("The host's name within the practice.", "accueil-1")
    role: HostRole = described("What the host is for.", "workstation")
    address: Address = described(
        "Its IP address, as seen from the controller or from its jump host.", "192.168.1.10"
    )
    port: Port = described(
        "TCP port on which its SSH server listens and is reached.", 22, default=22
    )
    jump: Label | None = described(
        "Name of the host through which it is reached.", "srv-sftp", default=None
    )
    inside: Addresses = described(
        "A jump host's own address (or addresses), as the hosts behind it see it.",
        "192.168.1.2",
        default=(),
    )
    reboot_time: Clock | None = described(
        "When updates may reboot this host; `updates.reboot_time` without it.",
        "12:30",
        default=None,
    )
    take_over: tuple[Firewall, ...] = described(
        "Firewalls of others that rempart switches off here; `release` switches them on again.",
        ["ufw"],
        default=(),
    )
    traits: Traits | None = described(
        "Recorded by `rempart enroll`; not written by hand.",
        {"os": "debian", "release": "12"},
        default=None,
    )
