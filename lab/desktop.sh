#!/bin/sh
# Makes a root that stock.sh is done with a French practice's desk, whose greeter comes up without
# a graphics card. mmdebstrap calls it with the root folder.
set -eu
root=$1

echo 'LANG=fr_FR.UTF-8' > "$root/etc/default/locale"

# lightdm starts it as it does a real screen's: the display first, then words that Xvfb does not know.
cat > "$root/usr/local/bin/screen" << 'END'
#!/bin/sh
display=$1
while [ "$1" != -auth ]; do shift; done
exec /usr/bin/Xvfb "$display" -auth "$2" -nolisten tcp -screen 0 1280x800x24
END
chmod 755 "$root/usr/local/bin/screen"

# A container may not lock memory, which lightdm does not survive, and has no virtual terminals.
mkdir -p "$root/etc/lightdm/lightdm.conf.d"
cat > "$root/etc/lightdm/lightdm.conf.d/50-container.conf" << 'END'
[LightDM]
lock-memory=false
logind-check-graphical=false
[Seat:*]
xserver-command=/usr/local/bin/screen
END
echo 'XDG_VTNR=0' >> "$root/etc/environment"
