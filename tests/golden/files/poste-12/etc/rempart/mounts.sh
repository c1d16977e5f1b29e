# rempart. Gives folders their mount options: `start`, `stop` (as before), `check`. A folder that is no
# mount of its own is bound onto itself, with what is mounted below it; its files stay the same.
set -eu
notes=/run/rempart-mounts
table='/dev/shm nodev,nosuid,noexec
/home nodev,nosuid
/tmp nodev,nosuid
/var/tmp nodev,nosuid
'

# PATH: the flags of the mount that is on top there, nothing where none is.
flags() { findmnt -n -o VFS-OPTIONS --mountpoint "$1" | tail -n 1; }

start() { # PATH OPTIONS
  note=$notes/$(echo "$1" | tr / -)
  if [ -e "$note" ]; then :
  elif mountpoint -q "$1"; then flags "$1" > "$note"
  else : > "$note"; mount --rbind "$1" "$1"; fi
  mount -o "remount,bind,$(flags "$1"),$2" "$1"
}

stop() { # PATH
  note=$notes/$(echo "$1" | tr / -)
  [ -e "$note" ] || return 0
  # With "suid", "dev" and "exec" first, what was there before is what is left.
  if [ -s "$note" ]; then mount -o "remount,bind,suid,dev,exec,$(cat "$note")" "$1"
  else umount --lazy "$1"; fi
  rm "$note"
}

check() { # PATH OPTIONS
  for option in $(echo "$2" | tr , ' '); do
    case ",$(flags "$1")," in *",$option,"*) ;; *) exit 1 ;; esac
  done
}

mkdir -p $notes
echo "$table" | while read -r path options; do
  [ ! -d "$path" ] || "$1" "$path" "$options"
done
