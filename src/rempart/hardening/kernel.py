"""Kernel: what it tells, lets others do to it, and loads (PR-4: ANSSI-BP-028 R9 to R14).

Left out on purpose: ``kernel.modules_disabled`` (a scanner plugged in later would need its driver),
limits on user namespaces (the sandboxes of Firefox, Chromium and Flatpak are made of them), IPv6 as
a whole (R13: link-local services need it, and the firewall covers it), and the boot command line
(R8): a host that does not boot cannot undo it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from rempart.policy import Host, Policy, Traits
from rempart.resources import Directory, File, Interfaces, Resource, Sysctl
from rempart.template import render

SYSCTL_FILE = "/etc/sysctl.d/60-rempart.conf"
LINKS_FILE = "/etc/sysctl.d/99-protect-links.conf"
"""Debian 12's procps has a file of that name below /usr/lib which sets weaker values after ours."""

MODULE_FILE = "/etc/modprobe.d/rempart.conf"
LIMITS_FILE = "/etc/security/limits.d/60-rempart.conf"
COREDUMP_FILE = "/etc/systemd/coredump.conf.d/60-rempart.conf"

# R12. rp_filter is strict: a practice's host has one way to each network.
NETWORK_SETTINGS = {
    "net.ipv4.conf.all.accept_redirects": "0",
    "net.ipv4.conf.default.accept_redirects": "0",
    "net.ipv4.conf.all.accept_source_route": "0",
    "net.ipv4.conf.default.accept_source_route": "0",
    "net.ipv4.conf.all.send_redirects": "0",
    "net.ipv4.conf.default.send_redirects": "0",
    "net.ipv4.conf.all.rp_filter": "1",
    "net.ipv4.conf.default.rp_filter": "1",
    "net.ipv4.icmp_echo_ignore_broadcasts": "1",
    "net.ipv4.tcp_syncookies": "1",
    "net.ipv6.conf.all.accept_redirects": "0",
    "net.ipv6.conf.default.accept_redirects": "0",
    "net.ipv6.conf.all.accept_source_route": "0",
    "net.ipv6.conf.default.accept_source_route": "0",
}

# ANSSI-BP-028 v2, level intermediary.
INTERMEDIARY_SETTINGS = {
    # R9. Debian's perf_event_paranoid of 3 is stricter than the guide's 2. Who panics at an oops
    # starts again by itself: nobody stands beside a practice's server.
    "kernel.dmesg_restrict": "1",
    "kernel.kptr_restrict": "2",
    "kernel.panic": "60",
    "kernel.panic_on_oops": "1",
    "kernel.perf_cpu_time_max_percent": "1",
    "kernel.perf_event_max_sample_rate": "1",
    "kernel.perf_event_paranoid": "3",
    "kernel.pid_max": "65536",
    "kernel.randomize_va_space": "2",
    "kernel.sysrq": "0",
    "kernel.unprivileged_bpf_disabled": "1",
    "vm.mmap_min_addr": "65536",
    # R11. 2 would end the crash reports of browsers, and Wine's access between its processes.
    "kernel.yama.ptrace_scope": "1",
    # R12.
    "net.core.bpf_jit_harden": "2",
    "net.ipv4.conf.all.accept_local": "0",
    "net.ipv4.conf.all.arp_filter": "0",  # arp_ignore is stricter
    "net.ipv4.conf.all.arp_ignore": "2",
    "net.ipv4.conf.all.drop_gratuitous_arp": "1",
    "net.ipv4.conf.all.route_localnet": "0",
    "net.ipv4.conf.all.secure_redirects": "0",
    "net.ipv4.conf.default.secure_redirects": "0",
    "net.ipv4.conf.all.shared_media": "0",
    "net.ipv4.conf.default.shared_media": "0",
    "net.ipv4.icmp_ignore_bogus_error_responses": "1",
    "net.ipv4.ip_forward": "0",
    "net.ipv4.ip_local_port_range": "32768 65535",
    "net.ipv4.tcp_rfc1337": "1",
    # R14.
    "fs.protected_fifos": "2",
    "fs.protected_hardlinks": "1",
    "fs.protected_regular": "2",
    "fs.protected_symlinks": "1",
    "fs.suid_dumpable": "0",
}

# R12. Addresses and routes from router advertisements, which anybody on the network can send.
ADVERTISEMENT_SETTINGS = {
    f"net.ipv6.conf.{which}.{setting}": value
    for which in ("all", "default")
    for setting, value in {
        "accept_ra_defrtr": "0",
        "accept_ra_pinfo": "0",
        "accept_ra_rtr_pref": "0",
        "autoconf": "0",
        "max_addresses": "1",
        "router_solicitations": "0",
    }.items()
}

RP_FILTER = "net.ipv4.conf.*.rp_filter"

OWNERS_SETTINGS = {"accept_local", "route_localnet", "rp_filter"}
"""What VPNs, libvirt and Docker set on interfaces of their own, like forwarding: it stays there.

No pattern of sysctl.d sets these: udev applies patterns to a new interface while its owner sets it
up, and either could come last. A new one begins with the kernel's and our default. The pattern of
Debian 13 (linux-sysctl-defaults) for rp_filter, 2, is taken out.
"""

ARP_IGNORE = "net.ipv4.conf.all.arp_ignore"
"""2 answers neighbours in the interface's own networks alone. A hosted server's gateway is in none
where the address stands alone (/32): when it asks anew, minutes after the guard, the host is lost.
There 1 is set, which answers everybody about the interface's own addresses.
"""

FOR_BOOTS_ALONE = {
    # A change resets conf.all, and cuts off the virtual machines that run. What needs forwarding
    # (libvirt, Docker, a VPN) switches it on when it starts.
    "net.ipv4.ip_forward",
    # 1 stays until the next boot: neither the guard nor `release` could take it back.
    "kernel.unprivileged_bpf_disabled",
}
"""Settings that are not made on the running kernel."""

# R10's intent where modules stay loadable: filesystems and protocols that no practice uses, each
# with a history of holes. Not here: usb-storage (backups), squashfs (snaps), udf (imaging on DVD).
MODULES = {
    "intermediary": (
        *("cramfs", "freevxfs", "hfs", "hfsplus", "jffs2"),
        *("appletalk", "atm", "ax25", "dccp", "netrom", "rds", "rose", "sctp", "tipc", "x25"),
    ),
    # Some older cameras and scanners are on FireWire: not below `enhanced`.
    "enhanced": ("firewire-core", "firewire-ohci", "firewire-sbp2"),
}


def desired(policy: Policy, host: Host, traits: Traits, today: date) -> Sequence[Resource]:
    """Return the settings now and at boots, the modules that are refused, and no core dumps."""
    wanted = settings(policy, host)
    now = {key: value for key, value in wanted.items() if _is_set_now(key, traits)}
    common: dict[str, Any] = {"concern": "kernel", "controls": ("PR-4",), "risky": True}
    return [
        _settings_file(wanted, common),
        *(_setting(key, value, common) for key, value in sorted(now.items())),
        *(_interfaces(key, value, common) for key, value in interface_settings(wanted).items()),
        *(_intermediary(policy, wanted, common) if policy.baseline != "minimal" else ()),
    ]


def _settings_file(wanted: dict[str, str], common: dict[str, Any]) -> File:
    """Return the file for boots, and what it is where ``ARP_IGNORE`` may not be as wanted."""
    with_strangers = _rendered(wanted | {ARP_IGNORE: "1"}) if ARP_IGNORE in wanted else None
    return File(
        **common, path=SYSCTL_FILE, content=_rendered(wanted), with_strangers=with_strangers
    )


def _rendered(settings: dict[str, str]) -> str:
    """Return the text of a file of sysctl.d(5)."""
    globs = interface_settings(settings)
    lines = {key: value for key, value in globs.items() if _last(key) not in OWNERS_SETTINGS}
    unset = [key for key in globs if key == RP_FILTER]
    return render(SYSCTL_FILE, settings=sorted({**settings, **lines}.items()), unset=unset)


def interface_settings(settings: dict[str, str]) -> dict[str, str]:
    """Return the settings that each interface has for itself, ``net.ipv4.conf.*.rp_filter: 1``."""
    return {
        key.replace(f".conf.{which}.", ".conf.*."): value
        for key, value in settings.items()
        for which in ("all", "default")
        if f".conf.{which}." in key and (which == "default" or _last(key) in OWNERS_SETTINGS)
    }


def _last(key: str) -> str:
    return key.rpartition(".")[2]


def _interfaces(key: str, value: str, common: dict[str, Any]) -> Interfaces:
    # The kernel takes the larger of the interface's own and 1.
    also_right = ("0",) if key == RP_FILTER else ()
    return Interfaces(
        **common, setting=key, value=value, also_right=also_right,
        owners_keep=_last(key) in OWNERS_SETTINGS,
    )  # fmt: skip


def _setting(key: str, value: str, common: dict[str, Any]) -> Sysctl:
    with_strangers = "1" if key == ARP_IGNORE else None
    return Sysctl(**common, setting=key, value=value, with_strangers=with_strangers)


def settings(policy: Policy, host: Host) -> dict[str, str]:
    """Return the kernel's settings for the policy's baseline.

    A host that is reached over IPv6 may have its address from an advertisement: it keeps them.
    """
    if policy.baseline == "minimal":
        return NETWORK_SETTINGS
    found = NETWORK_SETTINGS | INTERMEDIARY_SETTINGS
    if any(address.version == 6 for address in (host.address, *host.inside)):
        return found
    return found | ADVERTISEMENT_SETTINGS


def _is_set_now(setting: str, traits: Traits) -> bool:
    """Tell whether a setting is made on the running kernel; a container has ``net.`` alone."""
    is_own = setting.startswith("net.") or not traits.is_container
    return is_own and setting not in FOR_BOOTS_ALONE


def _intermediary(policy: Policy, wanted: dict[str, str], common: dict[str, Any]) -> list[Resource]:
    """Return the modules that are never loaded, and the end of core dumps (R14)."""
    links = {key: value for key, value in wanted.items() if key.startswith("fs.protected_")}
    modules = [*MODULES["intermediary"]]
    modules += MODULES["enhanced"] if policy.baseline == "enhanced" else ()
    return [
        File(**common, path=LINKS_FILE, content=_rendered(links)),
        # Made by kmod and systemd-coredump, which may come later.
        Directory(**common, path="/etc/modprobe.d"),
        Directory(**common, path="/etc/systemd/coredump.conf.d"),
        File(**common, path=MODULE_FILE, content=render(MODULE_FILE, modules=modules)),
        File(**common, path=LIMITS_FILE, content=render(LIMITS_FILE)),
        File(**common, path=COREDUMP_FILE, content=render(COREDUMP_FILE)),
    ]
