"""All that a host is, to compare before rempart and after it; and a host with a past."""

from __future__ import annotations

import re
import time

from lab.host import Host

SNAPSHOT = r"""
list() {
  find /etc /home /root /usr/local /var/lib /var/mail /var/spool /opt /srv /run/rempart -xdev \
    -path '/var/lib/apt/*' -prune -o -path '/var/lib/dpkg/status*' -prune -o \
    -path '/var/lib/clamav*' -prune -o -path '/var/lib/ucf/*' -prune -o \
    -path '/var/lib/systemd/timers*' -prune -o \
    -name .sudo_as_admin_successful -prune -o "$@" 2>/dev/null
}
list -printf '%p %y %m %U:%G %l\n'
list -type f -exec sha256sum {} +
sshd -T
systemctl list-unit-files --no-legend
systemctl list-units --all --no-legend --plain --type=service,timer,socket,path,mount |
  awk '{ print $1, $2, $3 }' | grep -vE '^(apt-daily|dpkg-db|ssh@|systemd-|(run-)?user[@-])'
sysctl -a -r '^net[.]ipv[46][.](conf[.](all|default|eth0)|icmp|tcp_syn)' 2>/dev/null
dpkg-query -W
apt-mark showauto | sed 's/^/auto /'
find / -xdev -name '.rempart*'
command -v nft
true
"""
"""Everything that a host is, but for the logs of apt and dpkg, virus signatures, ucf's backups,
when timers ran last, and the mark that sudo leaves in the home of whoever uses it first."""

OWN_BACKUPS = re.compile(
    r"/etc/(passwd|shadow|group|gshadow|subuid|subgid)-$"
    r"|/var/lib/dpkg/(statoverride|diversions)-old$"
)
"""Copies that the shadow tools and dpkg make for themselves at each change; only their bytes may
differ."""

PAST = """
set -e
useradd -m -c 'Marie D.,bureau 2' -s /bin/sh -e 2039-01-31 -G sudo,cdrom m.durand
echo m.durand:former | chpasswd
mkdir -m 750 /etc/ssh/authorized_keys.d; chown root:adm /etc/ssh/authorized_keys.d
echo 'ssh-ed25519 AAAA old' > /etc/ssh/authorized_keys.d/former
printf 'net.ipv4.tcp_syncookies = 1\r\nno line end' > /etc/sysctl.d/real.conf
ln -s real.conf /etc/sysctl.d/60-rempart.conf
printf 'HOME_MODE 0755\n# after it\nHOME_MODE 0750\n' >> /etc/login.defs
sed -i '/^HOME_MODE\t0700/d' /etc/login.defs
systemctl -q disable --now apt-daily.timer
sysctl -q -w net.ipv4.conf.all.send_redirects=1
"""
"""A host with a life before rempart: all that it replaces is there already, in another way."""


def snapshot(host: Host) -> list[str]:
    return host.run(SNAPSHOT).stdout.splitlines()


def assert_same(before: list[str], after: list[str]) -> None:
    def comparable(lines: list[str]) -> set[str]:
        return {line for line in lines if not OWN_BACKUPS.search(line)}

    lost = comparable(before) - comparable(after)
    new = comparable(after) - comparable(before)
    changes = [f"- {line}" for line in sorted(lost)] + [f"+ {line}" for line in sorted(new)]
    assert not changes, "\n".join(changes)


def wait_until_gone(host: Host, timeout_s: float = 60) -> None:
    """Wait for the host's own last step, which nobody can watch from outside."""
    deadline = time.monotonic() + timeout_s
    ours = "/var/lib/rempart /var/lib/rempart-automation /etc/systemd/system/rempart-farewell*"
    left = f"ls -d {ours} 2>/dev/null; id rempart"
    while host.run(left, check=False).stdout:
        assert time.monotonic() < deadline, host.run(left, check=False).stdout
        time.sleep(0.2)
