#!/bin/sh
# Makes a machine this checkout's own; Vagrant runs it as root. In identity/, which vm/identity.py
# made and Vagrant brought, are host keys, the password of `admin`, and who may log in as `vagrant`.
set -eu
identity=/home/vagrant/identity
trap 'rm -rf "$identity"' EXIT

rm -f /etc/ssh/ssh_host_*  # the box's, which all machines of that box have
install -m 0600 "$identity"/ssh_host_*_key /etc/ssh
install -m 0644 "$identity"/ssh_host_*_key.pub /etc/ssh

# What Debian's installer makes when it is told to set a password for one user.
id admin > /dev/null 2>&1 \
    || useradd --create-home --shell /bin/bash --comment Administrator --groups sudo,adm,users admin
printf 'admin:%s\n' "$(cat "$identity/password")" | chpasswd

install -o vagrant -g vagrant -m 0600 "$identity/authorized_keys" /home/vagrant/.ssh
systemctl restart ssh
