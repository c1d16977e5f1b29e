"""Filesystem: mount options, new files' modes, who may read what (PR-4: ANSSI-BP-028 R28 to R57).

Left out on purpose: ``noexec`` for /home, /var/tmp and workstations' /tmp (Wine, Java and Flatpak
start what lies there, and so does the making of an initramfs), sudo's binary for a group alone
(R38: the automation account and people with rules of their own are in no such group), partitions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from rempart.policy import Host, Policy, Traits
from rempart.resources import File, Pam, Permission, Resource, Setting, Unit
from rempart.template import render

UNIT = "rempart-mounts.service"
UNIT_FILE = f"/etc/systemd/system/{UNIT}"
SCRIPT = "/etc/rempart/mounts.sh"

# R36. Debian's USERGROUPS_ENAB leaves the group of one's own what the owner may, so folders that
# colleagues share through a setgid group go on working in sessions of desktops.
UMASK = {"intermediary": "027", "enhanced": "077"}
LOGIN_DEFS = "/etc/login.defs"
SHELLS = "/etc/profile.d/rempart-umask.sh"
TERMINALS = "/etc/bash.bashrc"
"""Shells in a desktop's terminal read this one, and nothing of /etc/profile."""

# R50. (path, mode, group); what other programs read as themselves stays open to them.
SENSITIVE = (
    ("/boot/System.map-*", "0600", "root"),
    ("/boot/grub/grub.cfg", "0600", "root"),
    ("/etc/cron.d", "0700", "root"),
    ("/etc/cron.daily", "0700", "root"),
    ("/etc/cron.hourly", "0700", "root"),
    ("/etc/cron.monthly", "0700", "root"),
    ("/etc/cron.weekly", "0700", "root"),
    ("/etc/cron.yearly", "0700", "root"),
    ("/etc/crontab", "0600", "root"),
    ("/etc/group", "0644", "root"),
    ("/etc/gshadow", "0640", "shadow"),
    ("/etc/passwd", "0644", "root"),
    ("/etc/shadow", "0640", "shadow"),
    ("/etc/ssh/sshd_config", "0600", "root"),
    ("/etc/sudoers", "0440", "root"),
)
READERS = {"/etc/ssh/sshd_config": ("ssh.service",)}
"""Whoever asks whether a daemon has read its files sees that this one has changed."""

# R57. People change neither their shell nor their name; no host vouches for its users over SSH.
UNNEEDED_SETUID = ("/usr/bin/chfn", "/usr/bin/chsh", "/usr/lib/openssh/ssh-keysign")


def desired(policy: Policy, host: Host, traits: Traits, today: date) -> Sequence[Resource]:
    """Return mount options, umask and permissions; `minimal` has none of them."""
    if policy.baseline == "minimal":
        return []
    common: dict[str, Any] = {"concern": "filesystem", "controls": ("PR-4",), "risky": True}
    is_enhanced = policy.baseline == "enhanced"
    return [
        *_mounts(mounts(policy, host), common),
        *_umask(policy, traits, common),
        *(
            Permission(**common, reloads=READERS.get(path, ()), path=path, mode=mode, group=group)
            for path, mode, group in SENSITIVE
        ),
        *(
            Permission(**common, path=path, mode="0755", lasting=True)
            for path in UNNEEDED_SETUID
            if is_enhanced
        ),
    ]


def mounts(policy: Policy, host: Host) -> dict[str, tuple[str, ...]]:
    """Return the options of each folder that everybody may write in, R28.

    >>> mounts(policy, host)["/home"]
    ('nodev', 'nosuid')
    """
    found: dict[str, tuple[str, ...]]
    found = dict.fromkeys(("/home", "/tmp", "/var/tmp"), ("nodev", "nosuid"))
    found["/dev/shm"] = ("nodev", "nosuid", "noexec")
    if policy.baseline == "enhanced" and host.role != "workstation":
        found["/tmp"] = ("nodev", "nosuid", "noexec")  # apt asks its questions elsewhere
    return found


def _mounts(wanted: dict[str, tuple[str, ...]], common: dict[str, Any]) -> Iterable[Resource]:
    """Return the unit that gives folders their options, without partitions of their own.

    A folder that is no mount is bound onto itself: the same files, so nothing is hidden from
    whoever works at the time, and systemd's or fstab's own mounts stay as they are.
    """
    table = {path: ",".join(options) for path, options in sorted(wanted.items())}
    yield File(**common, reloads=(UNIT,), path=SCRIPT, content=render(SCRIPT, table=table))
    yield File(**common, reloads=(UNIT,), path=UNIT_FILE, content=render(UNIT_FILE))
    yield Unit(**common, unit=UNIT, enabled=True, running=True, healthy=f"sh {SCRIPT} check")


def _umask(policy: Policy, traits: Traits, common: dict[str, Any]) -> Iterable[Resource]:
    """Return what new files of people are closed with: login.defs(5) for all, then the shells."""
    mask = UMASK[policy.baseline]
    yield Setting(**common, path=LOGIN_DEFS, setting="UMASK", value=mask)
    if traits.release == "12":  # Debian 13's stacks have pam_umask from the start
        yield Pam(
            **common,
            name="rempart-umask",
            content=render("/usr/share/pam-configs/rempart-umask"),
        )
    if policy.baseline == "enhanced":
        yield File(**common, path=SHELLS, content=render(SHELLS, mask=mask))
        yield Setting(**common, path=TERMINALS, setting="umask", value=mask)
