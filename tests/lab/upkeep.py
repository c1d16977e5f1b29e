"""More ways to break a hardened host: its logs, clock, jobs, and what keeps it up to date."""

from __future__ import annotations

from breaks import Break, edited

RESTARTS = "/etc/needrestart/conf.d/50-rempart.conf"
ENDED = "s/^\\([^,]*,[^,]*,bookworm,[^,]*,[^,]*\\),.*/\\1,2020-01-01,2020-06-30/"
EVIL_JOURNAL = "/etc/systemd/journald.conf.d/zz-evil.conf"
RELOAD_JOURNAL = "systemctl restart systemd-journald"

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
)
