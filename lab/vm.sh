#!/bin/sh
# Makes a root that stock.sh is done with one that a virtual machine boots by itself, and in which
# Vagrant has the account that it expects. mmdebstrap calls it with the root folder.
set -eu
root=$1

rm "$root/etc/apt/apt.conf.d/95proxy"  # unlike the lab's hosts these have a way out

echo '/dev/vda1 / ext4 errors=remount-ro 0 1' > "$root/etc/fstab"
cat > "$root/etc/network/interfaces" <<'END'
source /etc/network/interfaces.d/*

auto lo
iface lo inet loopback

auto eth0
iface eth0 inet dhcp
END

chroot "$root" useradd --create-home --shell /bin/bash --comment Vagrant vagrant
echo 'vagrant ALL=(ALL:ALL) NOPASSWD: ALL' > "$root/etc/sudoers.d/vagrant"
chmod 0440 "$root/etc/sudoers.d/vagrant"

# A small initramfs: emulated processors take long to unpack one for every machine there is.
sed -i 's/^MODULES=most/MODULES=list/' "$root/etc/initramfs-tools/initramfs.conf"
grep -q '^MODULES=list$' "$root/etc/initramfs-tools/initramfs.conf"
sed -i 's/^COMPRESS=.*/COMPRESS=lz4/' "$root/etc/initramfs-tools/initramfs.conf"
printf '%s\n' virtio_pci virtio_blk sd_mod ext4 >> "$root/etc/initramfs-tools/modules"
chroot "$root" update-initramfs -u -k all

# GRUB's own programs look for disks, and there is none yet. `update-grub` and `grub-install` work
# from the first boot on, as upgrades of the kernel and of GRUB need.
echo 'grub-pc grub-pc/install_devices multiselect /dev/vda' | chroot "$root" debconf-set-selections
sed -i -e 's/^GRUB_TIMEOUT=.*/GRUB_TIMEOUT=0/' \
    -e 's/^GRUB_CMDLINE_LINUX=.*/GRUB_CMDLINE_LINUX="net.ifnames=0 console=tty0 console=ttyS0"/' \
    "$root/etc/default/grub"
mkdir -p "$root/boot/grub/i386-pc"
cp "$root"/usr/lib/grub/i386-pc/*.mod "$root"/usr/lib/grub/i386-pc/*.lst "$root/boot/grub/i386-pc"
chroot "$root" grub-mkimage --format=i386-pc --prefix='(hd0,msdos1)/boot/grub' \
    --output=/boot/grub/i386-pc/core.img biosdisk part_msdos ext2
cat > "$root/boot/grub/grub.cfg" <<'END'
linux /vmlinuz root=/dev/vda1 ro net.ifnames=0 console=tty0 console=ttyS0 quiet
initrd /initrd.img
boot
END
