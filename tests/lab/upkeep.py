"""More ways to break a hardened host: its logs, clock, jobs, and what keeps it up to date."""

from __future__ import annotations

from breaks import Break, edited

RESTARTS = "/etc/needrestart/conf.d/50-rempart.conf"
ENDED = "s/^\\([^,]*,[^,]*,bookworm,[^,]*,[^,]*\\),.*/\\1,2020-01-01,2020-06-30/"
EVIL_JOURNAL = "/etc/systemd/journald.conf.d/zz-evil.conf"
RELOAD_JOURNAL = "systemctl restart systemd-journald"

SEALS = "/var/lib/rempart-seals"
SEAL = "systemctl start rempart-seals"
OTHER_SEALS = f"zcat {SEALS}/aide.db | gzip -1 > /root/x && cat /root/x > {SEALS}/aide.db"
HOOK = "/etc/apt/apt.conf.d/90rempart-seals"


def tampered(name: str, do: str, mend: str) -> Break:
    """Break by a change after sealing that the next comparison finds, and sees mended."""
    return Break(name, {"DR-5"}, f"{SEAL} && {do} && {SEAL}", f"{mend}; {SEAL}")


BREAKS = (
    Break(
        "a foreign key",
        {"AV-4"},
        "cp /usr/share/keyrings/debian-archive-keyring.gpg /etc/apt/trusted.gpg.d/evil.gpg",
        "rm /etc/apt/trusted.gpg.d/evil.gpg",
    ),
    Break("old code goes on", {"UP-1"}, f"mv {RESTARTS} /root/kept", f"mv /root/kept {RESTARTS}"),
    edited("support has ended", {"UP-3"}, "/usr/share/distro-info/debian.csv", f"'{ENDED}'"),
    Break(
        "the journal forgets at a boot",
        {"DR-1"},
        f"printf '[Journal]\nStorage=volatile\n' > {EVIL_JOURNAL} && {RELOAD_JOURNAL}",
        f"rm {EVIL_JOURNAL}; {RELOAD_JOURNAL}",
    ),
    Break(
        "the journal is kept for ever",
        {"DR-1"},
        f"printf '[Journal]\nMaxRetentionSec=0\n' > {EVIL_JOURNAL}",
        f"rm {EVIL_JOURNAL}",
    ),
    Break(
        "everybody reads the journal",
        {"DR-1"},
        "install -m 644 /dev/null /var/log/journal/evil",
        "rm /var/log/journal/evil",
    ),
    Break(
        "old logs stay",
        {"DR-1"},
        "systemctl disable --now logrotate.timer",
        "systemctl enable --now logrotate.timer",
    ),
    Break("nobody sets the clock", {"DR-1"}, "systemctl disable chrony", "systemctl enable chrony"),
    Break(
        "the clock is wrong",
        {"DR-1"},
        "mv /usr/bin/date /root/date && printf '#!/bin/sh\necho 1700000000.5\n' > /usr/bin/date"
        " && chmod 755 /usr/bin/date",
        "mv /root/date /usr/bin/date",
    ),
    Break(
        "AppArmor is off at boot",
        {"PR-4"},
        "systemctl disable apparmor",
        "systemctl enable apparmor",
    ),
    Break(
        "everybody has jobs",
        {"AC-1"},
        "mv /etc/cron.allow /root/kept",
        "mv /root/kept /etc/cron.allow",
    ),
    edited("somebody may have no jobs any more", {"AC-1"}, "/etc/cron.allow", "/m.durand/d"),
    tampered(
        "a program was changed",
        "cp -p /usr/bin/chage /root/kept && printf x >> /usr/bin/chage",
        "mv /root/kept /usr/bin/chage",
    ),
    tampered("a program has others' rights", "chmod u+s /usr/bin/free", "chmod u-s /usr/bin/free"),
    tampered("a library comes first", "echo > /etc/ld.so.preload", "rm /etc/ld.so.preload"),
    tampered(
        "a link leads to no package's file",
        "ln -s /srv/x /etc/systemd/system/x.service",
        "rm /etc/systemd/system/x.service",
    ),
    tampered(
        "a package's file is gone", "mv /usr/bin/free /root/kept", "mv /root/kept /usr/bin/free"
    ),
    tampered(
        "rempart's own file was changed", f"echo '#' >> {RESTARTS}", f"sed -i '$d' {RESTARTS}"
    ),
    tampered("the seals were swapped", OTHER_SEALS, f"touch {SEALS}/accept"),
    Break(
        "the seals were swapped since",
        {"DR-5"},
        f"{SEAL} && cp -p {SEALS}/aide.db /root/kept && {OTHER_SEALS}",
        f"mv /root/kept {SEALS}/aide.db",
    ),
    Break(
        "nothing compares",
        {"DR-5"},
        "systemctl disable --now rempart-seals.timer",
        "systemctl enable --now rempart-seals.timer",
    ),
    Break("apt starts no comparison", {"DR-5"}, f"mv {HOOK} /root/kept", f"mv /root/kept {HOOK}"),
)
