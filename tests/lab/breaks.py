"""Ways to break a hardened host by hand: what each one breaks, how, and how it is mended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lab.host import Host

FAMILIES = (
    {"SS-1", "SS-2", "AC-3", "AC-5"},
    {"FW-1", "FW-2", "FW-3", "FW-4", "SF-2"},
    {"UP-1", "UP-2", "UP-3", "AV-4"},
    {"DR-1", "PR-4"},
    {"DR-5"},
    {"PW-1", "PW-2", "PW-4", "PW-5"},
    {"SE-1", "AC-1", "AC-2"},
    {"PR-4"},
)
"""Controls that look at the same things: a break is judged by all of its family."""

EVIL = "/etc/ssh/sshd_config.d/00-evil.conf"  # sorts before 00-rempart.conf, 000- would not
RULES = "/etc/rempart/firewall.nft"
KEYS = "/etc/ssh/authorized_keys.d"
LISTS = "/var/lib/apt/lists"

# systemctl returns before sshd has read anything; once it has, it writes its pid file.
RELOAD_SSHD = (
    "touch /run/asked && systemctl reload ssh && timeout 5 sh -c 'until"
    " find /run/sshd.pid -newer /run/asked 2>&1 | grep -qx /run/sshd.pid; do sleep 0.02; done'"
)


@dataclass(frozen=True)
class Break:
    """A shell command that breaks host `t/a`, the controls that must be red, and the repair."""

    name: str
    red: set[str]
    do: str
    mend: str

    @property
    def judged(self) -> list[str]:
        """Return the controls to verify: those that must be red, and those that must not."""
        return sorted(set().union(*(family for family in FAMILIES if family & self.red)))


def findings(records: list[dict[str, str]]) -> dict[str, list[str]]:
    """Return "expected …, actual …" by control of all that is red."""
    found: dict[str, list[str]] = {}
    for record in records:
        if record["result"] in ("fail", "error"):
            text = f"{record['check']}: expected {record['expected']}, actual {record['actual']}"
            found.setdefault(record["control"], []).append(text)
    return found


@contextmanager
def broken(host: Host, do: str, mend: str) -> Iterator[None]:
    """Break a host by hand and mend it after; without rempart."""
    try:
        host.run(do)
        yield
    finally:
        host.run(mend)


def sshd(name: str, red: set[str], *lines: str) -> Break:
    """Break sshd with a file that it reads before all others."""
    text = "\\n".join(lines)
    return Break(
        name, red, f"printf '{text}\\n' > {EVIL} && {RELOAD_SSHD}", f"rm -f {EVIL}; {RELOAD_SSHD}"
    )


def edited(name: str, red: set[str], file: str, edit: str, after: str = "true") -> Break:
    """Break a file with sed; its mend puts the same file back."""
    return Break(
        name,
        red,
        f"cp -p {file} /root/kept && sed -i {edit} {file} && {after}",
        f"cat /root/kept > {file}; rm /root/kept; {after}",
    )


def listening(name: str, red: set[str], port: int, protocol: str = "tcp", rule: str = "") -> Break:
    """Break by a program that listens; `rule` is put in front of the firewall's."""
    kind = "Type => SOCK_DGRAM" if protocol == "udp" else "Listen => 5"
    arguments = f'LocalHost => "::", LocalPort => {port}, {kind}'
    script = f"push @ARGV, IO::Socket::IP->new({arguments}) or die; sleep 600"
    start = f"systemd-run -q --unit=evil perl -MIO::Socket::IP -MSocket -e '{script}'"
    ready = f"while ! ss -Hlnut 'sport = {port}' | grep -q .; do sleep 0.05; done"
    return Break(
        name,
        red,
        f"{start} && {ready}" + (f" && nft insert rule inet rempart input {rule}" if rule else ""),
        "systemctl stop evil; systemctl restart rempart-firewall",
    )


def apt(name: str, line: str) -> Break:
    """Break apt's configuration with a file that it reads last."""
    file = "/etc/apt/apt.conf.d/99evil"
    return Break(name, {"UP-1"}, f"echo '{line}' > {file}", f"rm {file}")


RELOAD_RULES = "systemctl restart rempart-firewall"
STALE_LIST = f"{LISTS}/*security*_InRelease"
TIMER = "apt-daily-upgrade.timer"
PASSWORD_STACK = "/etc/pam.d/common-password"

BREAKS = (
    sshd(
        "password logins are back",
        {"SS-1"},
        "Match all",
        "PasswordAuthentication yes",
        "AuthenticationMethods password publickey",
    ),
    sshd(
        "one person may use a password",
        {"SS-1"},
        "Match User m.durand",
        "PasswordAuthentication yes",
        "AuthenticationMethods password publickey",
    ),
    sshd(
        "strangers from afar may use a password",
        {"SS-1"},
        "Match Address 192.0.2.0/24",
        "PasswordAuthentication yes",
    ),
    sshd("root may log in", {"SS-1"}, "Match all", "PermitRootLogin yes"),
    sshd("old key exchange", {"SS-1"}, "KexAlgorithms +diffie-hellman-group14-sha1"),
    sshd("old ciphers", {"SS-1"}, "Ciphers +aes256-cbc"),
    sshd("dead connections stay", {"SS-1"}, "ClientAliveInterval 0"),
    sshd("compression is back", {"SS-1"}, "Compression delayed"),
    sshd("agents are forwarded", {"SS-1"}, "Match all", "AllowAgentForwarding yes"),
    sshd(
        "keys are read from homes",
        {"SS-1", "AC-5"},
        "Match all",
        f"AuthorizedKeysFile {KEYS}/%%u .ssh/authorized_keys",
    ),
    sshd("everybody's group", {"SS-1"}, "AllowGroups rempart-ssh sudo"),
    sshd(
        "the way through leads anywhere",
        {"SS-2"},
        "Match User rempart",
        "AllowTcpForwarding local",
        "PermitOpen any",
    ),
    Break(
        "sshd has not read a change",
        {"SS-1"},
        "echo '# later' > /etc/ssh/sshd_config.d/90-later.conf",
        f"rm /etc/ssh/sshd_config.d/90-later.conf; {RELOAD_SSHD}",
    ),
    Break(
        "the running sshd is not what its files say",
        {"SS-1"},
        f"echo 'KexAlgorithms +diffie-hellman-group14-sha1' > {EVIL} && {RELOAD_SSHD}"
        f" && rm {EVIL} && sleep 0.1 && touch /run/sshd.pid",
        RELOAD_SSHD,
    ),
    Break(
        "a stranger is in the group",
        {"SS-1"},
        "usermod -aG rempart-ssh admin",
        "gpasswd -d admin rempart-ssh",
    ),
    Break(
        "a stranger has a key",
        {"AC-5"},
        f"cp {KEYS}/t.leroy {KEYS}/admin",
        f"rm {KEYS}/admin",
    ),
    edited(
        "a person has a second key",
        {"AC-5"},
        f"{KEYS}/m.durand",
        "'$ a ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHSI2gdZ/fnLVhCT19exUwrr2d46WoxFjh6gIy8DxIZ9'",
    ),
    edited("a key has lost its end", {"AC-5"}, f"{KEYS}/m.durand", "'s/^expiry-time=[^ ]* //'"),
    edited(
        "the automation key opens from anywhere",
        {"AC-5"},
        f"{KEYS}/rempart",
        "'s/^from=[^ ]*,restrict/restrict/'",
    ),
    Break(
        "others may write a key file",
        {"AC-5"},
        f"chmod 646 {KEYS}/m.durand",
        f"chmod 644 {KEYS}/m.durand",
    ),
    Break(
        "a person's key is gone",
        {"AC-3"},
        f"mv {KEYS}/m.durand /root/kept",
        f"mv /root/kept {KEYS}/m.durand",
    ),
    Break(
        "an account ends too early",
        {"AC-3"},
        "chage -E 2030-01-01 m.durand",
        "chage -E -1 m.durand",
    ),
    Break("no rules at all", {"FW-1", "FW-2", "FW-4"}, "nft flush ruleset", RELOAD_RULES),
    Break(
        "IPv6 is forgotten",
        {"FW-1", "FW-2", "FW-4"},
        "nft delete table inet rempart && nft 'table ip rempart { chain input {"
        " type filter hook input priority 0; policy drop;"
        " ct state established,related accept; iif lo accept; tcp dport 22 accept; }; }'",
        f"{RELOAD_RULES}; nft delete table ip rempart",
    ),
    Break(
        "a reboot brings no rules",
        {"FW-1"},
        "systemctl disable rempart-firewall",
        "systemctl enable rempart-firewall",
    ),
    edited(
        "a reboot brings rules that accept",
        {"FW-1", "FW-4"},
        RULES,
        "'s/policy drop/policy accept/'",
    ),
    Break(
        "SSH is open to all",
        {"FW-2", "FW-4"},
        "nft insert rule inet rempart input tcp dport 22 accept",
        RELOAD_RULES,
    ),
    Break(
        "a rule for remote desktops",
        {"FW-2", "FW-4"},
        "nft insert rule inet rempart input ip saddr 10.77.0.0/16 tcp dport 3389 accept",
        RELOAD_RULES,
    ),
    listening("an unknown program listens", {"FW-3"}, 3390),
    listening("an unknown program listens for datagrams", {"FW-3"}, 5353, "udp"),
    listening(
        "an unknown program is reached",
        {"FW-2", "FW-3", "FW-4"},
        3389,
        rule="tcp dport 3389 accept",
    ),
    listening("something listens on telnet's port", {"FW-3", "SF-2"}, 23),
    Break(
        "an ftp program",
        {"SF-2"},
        "cp /bin/true /usr/bin/ftp",
        "rm /usr/bin/ftp",
    ),
    Break(
        "a telnet package",
        {"SF-2"},
        "mkdir -p /root/t/DEBIAN && printf 'Package: inetutils-telnet\\nVersion: 9\\n"
        "Architecture: all\\nMaintainer: x <x@example>\\nDescription: x\\n'"
        " > /root/t/DEBIAN/control && dpkg-deb -b /root/t /root/t.deb && dpkg -i /root/t.deb",
        "dpkg -P inetutils-telnet; rm -r /root/t /root/t.deb",
    ),
    Break(
        "a timer is off",
        {"UP-1"},
        f"systemctl disable --now {TIMER}",
        f"systemctl enable --now {TIMER}",
    ),
    Break(
        "a timer that is due next year",
        {"UP-1"},
        f"mkdir /etc/systemd/system/{TIMER}.d && printf '[Timer]\\nOnCalendar=\\n"
        f"OnCalendar=*-06-01\\n' > /etc/systemd/system/{TIMER}.d/evil.conf"
        f" && systemctl daemon-reload && systemctl restart {TIMER}",
        f"rm -r /etc/systemd/system/{TIMER}.d; systemctl daemon-reload; systemctl restart {TIMER}",
    ),
    apt("updates do not install themselves", 'APT::Periodic::Unattended-Upgrade "0";'),
    apt("anything installs itself", 'Unattended-Upgrade::Origins-Pattern:: "origin=*";'),
    apt("a package is left out", 'Unattended-Upgrade::Package-Blacklist:: "openssh";'),
    Break(
        "a foreign source",
        {"UP-1", "AV-4"},
        "mkdir /srv/evil && cd /srv/evil && touch Packages && printf 'Origin: Evil\\nSuite: x\\n"
        'MD5Sum:\\n %s 0 Packages\\n\' "$(md5sum < Packages | cut -c1-32)" > Release'
        " && echo 'deb [trusted=yes] file:/srv/evil ./' > /etc/apt/sources.list.d/evil.list"
        " && apt-get -q update -o Dir::Etc::sourcelist=sources.list.d/evil.list"
        " -o Dir::Etc::sourceparts=- -o APT::Get::List-Cleanup=0",
        f"rm -r /srv/evil /etc/apt/sources.list.d/evil.list; rm -f {LISTS}/*srv_evil*",
    ),
    Break(
        "the list of updates is out of date",
        {"UP-1", "UP-2", "AV-4"},  # an edited list has lost Debian's signature too
        f"cp {STALE_LIST} /root/ && sed -i 's/^Valid-Until: .*/Valid-Until: Sat, 07 Nov 2020"
        f" 00:00:00 UTC/' {STALE_LIST}",
        f"mv /root/*_InRelease {LISTS}/",
    ),
    Break(
        "a reboot is overdue",
        {"UP-2"},
        "touch -d '15 days ago' /run/reboot-required",
        "rm /run/reboot-required",
    ),
    edited(
        "weak passwords",
        {"PW-1"},
        "/etc/security/pwquality.conf",
        "-e 's/^minlen.*/minlen = 6/' -e 's/credit = .*/credit = 0/' -e 's/^minclass.*//'",
    ),
    edited(
        "guesses without end", {"PW-4"}, "/etc/security/faillock.conf", "'s/^deny.*/deny = 99/'"
    ),
    edited("old hashes", {"PW-5"}, PASSWORD_STACK, "'s/ yescrypt / sha512 /'"),
    edited(
        "hashes too dear",
        {"PW-5"},
        PASSWORD_STACK,
        "'s/ yescrypt / yescrypt rounds=8 /; s/ rounds=65536//'",
    ),
    edited("old passwords come back", {"PW-5"}, PASSWORD_STACK, "'s/ remember=[0-9]*//'"),
    edited(
        "an expired password keeps keys out",
        {"PW-2"},
        "/etc/pam.d/common-account",
        "'s/ no_pass_expiry//'",
    ),
    Break("a password for ever", {"PW-2"}, "chage -M 99999 m.durand", "chage -M 180 m.durand"),
    edited("shells stay open", {"SE-1"}, "/etc/profile.d/rempart-idle.sh", "'/TMOUT/d; 2i:'"),
    edited("consoles warn of nothing", {"SE-1"}, "/etc/issue", "'s/323-1//'"),
    edited(
        "sudo shares its terminal", {"AC-2"}, "/etc/sudoers.d/zz-rempart", "'s/use_pty/!use_pty/'"
    ),
    edited("sudo keeps no log", {"AC-2"}, "/etc/sudoers.d/zz-rempart", "'s/.*logfile.*//'"),
    Break(
        "redirects are believed",
        {"PR-4"},
        "sysctl -q -w net.ipv4.conf.all.accept_redirects=1",
        "sysctl -q -w net.ipv4.conf.all.accept_redirects=0",
    ),
    Break(
        "neighbours of other networks are answered",
        {"PR-4"},
        "sysctl -q -w net.ipv4.conf.all.arp_ignore=1",
        "sysctl -q -w net.ipv4.conf.all.arp_ignore=2",
    ),
    Break(
        "the next boot undoes a kernel setting",
        {"PR-4"},
        "echo kernel.dmesg_restrict=0 > /etc/sysctl.d/99-zz-evil.conf",
        "rm /etc/sysctl.d/99-zz-evil.conf",
    ),
    edited("a rare module loads", {"PR-4"}, "/etc/modprobe.d/rempart.conf", "'/sctp/d'"),
    Break(
        "core dumps are back",
        {"PR-4"},
        r"printf '%s hard core unlimited\n' '*' root > /etc/security/limits.d/99-evil.conf",
        "rm /etc/security/limits.d/99-evil.conf",
    ),
    Break(
        "setuid counts in homes",
        {"PR-4"},
        "mount -o remount,bind,suid,dev /home",
        "systemctl restart rempart-mounts",
    ),
    Break(
        "programs run in shared memory",
        {"PR-4"},
        "mount -o remount,bind,exec,nosuid,nodev /dev/shm",
        "systemctl restart rempart-mounts",
    ),
    edited(
        "new files are for all to read", {"PR-4"}, "/etc/profile.d/rempart-umask.sh", "s/077/022/"
    ),
    edited("so are a terminal's", {"PR-4"}, "/etc/bash.bashrc", "'s/^umask.*/umask 022/'"),
    Break(
        "sshd's configuration is for all to read",
        {"PR-4"},
        "chmod 644 /etc/ssh/sshd_config",
        f"chmod 600 /etc/ssh/sshd_config; {RELOAD_SSHD}",
    ),
    Break(
        "shells can be changed again",
        {"PR-4"},
        "chmod 4755 /usr/bin/chsh",
        "chmod 755 /usr/bin/chsh",
    ),
    Break(
        "a file of nobody's",
        {"PR-4"},
        "touch /srv/stray && chown 4242:4242 /srv/stray",
        "rm /srv/stray",
    ),
    Break(
        "everybody removes others' files",
        {"PR-4"},
        "mkdir /srv/open && chmod 777 /srv/open",
        "rmdir /srv/open",
    ),
    Break(
        "a setuid program of no package",
        {"PR-4"},
        "cp /bin/true /usr/local/bin/evil && chmod 4755 /usr/local/bin/evil",
        "rm /usr/local/bin/evil",
    ),
    Break("one more with sudo", {"AC-2"}, "gpasswd -a m.durand sudo", "gpasswd -d m.durand sudo"),
    Break("somebody unknown", {"AC-1"}, "useradd -m intruder", "userdel -r intruder"),
)
