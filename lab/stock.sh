#!/bin/sh
# Makes a fresh mmdebstrap root what Debian's installer leaves behind when it is told to set a root
# password, to make one user, and to install an SSH server. mmdebstrap calls it with the root folder.
# $PROXY is the address of the lab's package cache.
set -eu
root=$1

# The builder's own traces.
rm -f "$root/etc/apt/apt.conf.d/99mmdebstrap" "$root/etc/hostname"
rm -f "$root"/etc/ssh/ssh_host_*
: > "$root/etc/machine-id"
: > "$root/etc/resolv.conf"  # no name service: packages come through the proxy

# The installer asks for a proxy and keeps the answer.
printf 'Acquire::http::Proxy "%s";\nAcquire::https::Proxy "%s";\n' "$PROXY" "$PROXY" \
    > "$root/etc/apt/apt.conf.d/95proxy"

sed -i 's/^#PermitRootLogin .*/PermitRootLogin yes/' "$root/etc/ssh/sshd_config"
grep -q '^PermitRootLogin yes$' "$root/etc/ssh/sshd_config"

sed -i -E 's/^# ((en_US|fr_FR)\.UTF-8 UTF-8)/\1/' "$root/etc/locale.gen"
chroot "$root" locale-gen > /dev/null
echo 'LANG=en_US.UTF-8' > "$root/etc/default/locale"

chroot "$root" useradd --create-home --shell /bin/bash --comment Administrator \
    --groups sudo,adm,users admin

# A machine that has booted before: systemd need not rebuild its caches (systemd-update-done(8)).
chroot "$root" ldconfig
chroot "$root" journalctl --update-catalog
touch "$root/etc/.updated" "$root/var/.updated"
