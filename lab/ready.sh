#!/bin/sh
# Makes a root that stock.sh is done with one whose packages are as rempart wants them. mmdebstrap
# calls it with the root folder.
set -eu
root=$1

chroot "$root" dpkg --purge inetutils-telnet
# In a container it fails as it comes, and hosts of tests have nothing that fails.
chroot "$root" systemctl --quiet disable auditd.service
