"""Audit: the kernel notes who changes what matters (DR-1; ANSSI-BP-028 R73).

A container has its machine's kernel: there the rules lie ready, and systemd keeps the units off.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from rempart.policy import Host, Policy, Traits
from rempart.resources import Directory, File, Package, Resource, Unit
from rempart.template import render

UNIT = "auditd.service"
RULES = "/etc/audit/rules.d/40-rempart.rules"
RULES_UNIT = "audit-rules.service"
"""Debian 13's; before, auditd.service loaded the rules itself."""

DROP_IN = "10-rempart.conf"
NOT_IN_CONTAINERS = """\
# rempart. The kernel and its audit are the machine's.
[Unit]
ConditionVirtualization=!container
"""
LOCKED_IS_FINE = """\
# rempart. Locked rules cannot be loaded again. auditd needs this unit: an update would end it.
[Service]
ExecStart=
ExecStart=-/usr/sbin/augenrules --load
"""

LEVELS = ("minimal", "intermediary", "enhanced")

WATCHED: dict[str, dict[str, tuple[str, ...]]] = {
    "minimal": {
        "identity": (
            *("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow"),
            *("/etc/security/opasswd", "/etc/login.defs"),
        ),
        "actions": ("/etc/sudoers", "/etc/sudoers.d/"),
        "access": ("/etc/ssh/", "/etc/pam.d/", "/etc/security/"),
        "protection": ("/etc/audit/", "/etc/rempart/", "/etc/systemd/journald.conf.d/"),
        "time-change": ("/etc/localtime",),
    },
    "intermediary": {
        "network": ("/etc/issue", "/etc/issue.net", "/etc/hosts", "/etc/network/"),
        "session": ("/var/run/utmp", "/var/log/btmp", "/var/log/wtmp"),
        "logins": ("/var/log/lastlog", "/var/log/faillock", "/run/faillock"),
        "jobs": ("/etc/crontab", "/etc/cron.d/", "/etc/cron.allow", "/var/spool/cron/"),
    },
    # Debian has no /etc/sysconfig; auditors look for it.
    "enhanced": {"actions": ("/var/log/sudo.log",), "network": ("/etc/sysconfig/network",)},
}
"""By the level from which it counts and the key to search for: what nobody writes in secret."""

MODULE_TOOLS = ("/sbin/insmod", "/sbin/modprobe", "/sbin/rmmod")

PRIVILEGED = (
    *("at", "bsd-write", "chage", "chfn", "chsh", "crontab", "dotlockfile", "expiry", "fusermount"),
    *("fusermount3", "gpasswd", "kmod", "mount", "newgrp", "newgidmap", "newuidmap", "ntfs-3g"),
    *("passwd", "pkexec", "screen", "ssh-agent", "su", "sudo", "sudoedit", "umount", "wall"),
    *("write", "write.ul", "firejail", "Xorg.wrap", "mlocate", "plocate", "locate"),
)
"""Debian's programs with the rights of others, in /usr/bin. ``kmod`` loads modules."""

PRIVILEGED_ELSEWHERE = (
    "/usr/sbin/exim4",
    "/usr/sbin/mount.cifs",
    "/usr/sbin/mount.nfs",
    "/usr/sbin/postdrop",
    "/usr/sbin/postqueue",
    "/usr/sbin/pppd",
    "/usr/sbin/unix_chkpwd",
    "/usr/lib/dbus-1.0/dbus-daemon-launch-helper",
    "/usr/lib/openssh/ssh-keysign",
    "/usr/lib/polkit-1/polkit-agent-helper-1",
    "/usr/lib/spice-gtk/spice-client-glib-usb-acl-helper",
    "/usr/lib/xorg/Xorg.wrap",
    "/usr/libexec/camel-lock-helper-1.2",
    "/usr/libexec/spice-client-glib-usb-acl-helper",
)

CALLS: dict[str, dict[str, tuple[str, ...]]] = {
    "minimal": {"modules": ("init_module", "finit_module", "delete_module")},
    "intermediary": {"mounts": ("mount", "umount2")},
    "enhanced": {
        "permissions": (
            *("chmod", "fchmod", "fchmodat", "chown", "fchown", "fchownat", "lchown"),
            *("setxattr", "fsetxattr", "lsetxattr"),
            *("removexattr", "fremovexattr", "lremovexattr"),
        ),
        "delete": ("rename", "renameat", "renameat2", "rmdir", "unlink", "unlinkat"),
    },
}
"""By level and key: system calls of people, not of daemons."""

REFUSED_CALLS = ("creat", "ftruncate", "open", "openat", "truncate")
"""Noted at `enhanced` when they end in EACCES or EPERM."""

AMD64_ONLY = {
    *("chmod", "chown", "creat", "lchown", "open", "rename", "rmdir", "unlink"),
}
"""System calls that 64-bit ARM has not got; auditctl(8) would drop their whole rule."""


def desired(policy: Policy, host: Host, traits: Traits, today: date) -> Sequence[Resource]:
    """Return auditd and its rules.

    Its own log turns at 40 MB; journald takes the same lines and keeps them as long as all others.
    """
    common: dict[str, Any] = {"concern": "audit", "controls": ("DR-1",)}
    return [
        Package(**common, package="auditd"),
        File(
            **common,
            reloads=(UNIT,),
            path=RULES,
            content=render(RULES, **_rules(policy.baseline, traits.arch)),
            mode="0640",
        ),
        *_drop_ins(traits, common),
        Unit(**common, unit=UNIT, enabled=True, running=None if traits.is_container else True),
    ]


def _rules(baseline: str, arch: str) -> dict[str, Any]:
    """Return what the template prints for a baseline: its own level and those below."""
    levels = LEVELS[: LEVELS.index(baseline) + 1]
    known = frozenset() if arch == "amd64" else AMD64_ONLY
    programs = (*(f"/usr/bin/{name}" for name in PRIVILEGED), *PRIVILEGED_ELSEWHERE)
    return {
        "abis": ("b64", "b32") if arch == "amd64" else ("b64",),
        "watches": [
            (path, key) for level in levels for key, all_ in WATCHED[level].items() for path in all_
        ],
        "tools": MODULE_TOOLS,
        "programs": sorted(programs) if "intermediary" in levels else (),
        "calls": [
            (",".join(call for call in calls if call not in known), key)
            for level in levels
            for key, calls in CALLS[level].items()
        ],
        "refused": ",".join(call for call in REFUSED_CALLS if call not in known)
        if baseline == "enhanced"
        else "",
        "locked": baseline == "enhanced",
    }


def _drop_ins(traits: Traits, common: dict[str, Any]) -> list[Resource]:
    """Return what keeps the units from failing where they need not."""
    texts = {}
    if traits.is_container:
        texts = dict.fromkeys((UNIT, RULES_UNIT), NOT_IN_CONTAINERS)
    elif traits.os == "debian" and int(traits.release) >= 13:
        texts = {RULES_UNIT: LOCKED_IS_FINE}
    folder = "/etc/systemd/system/{}.d"
    return [
        *(Directory(**common, path=folder.format(unit)) for unit in texts),
        *(
            File(**common, reloads=(UNIT,), path=f"{folder.format(unit)}/{DROP_IN}", content=text)
            for unit, text in texts.items()
        ),
    ]
