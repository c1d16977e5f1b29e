# rempart. Gives folders their mount options: `start` (again at a reload), `stop` (as before), `check`. A
# folder that is no mount of its own is bound onto itself, with what is mounted below it; its files stay
# the same. What others have mounted there or below is theirs: nothing here unmounts it.
set -eu
notes=/run/rempart-mounts
table='/dev/shm nodev,nosuid,noexec
/home nodev,nosuid
/tmp nodev,nosuid,noexec
/var/tmp nodev,nosuid
'

# PATH FIELD: of the mount that is on top there; nothing where none is.
on_top() { findmnt -n -o "$2" --mountpoint "$1" | tail -n 1 | tr -d ' '; }

# PATH NOTE: remount options that leave of nosuid, nodev and noexec those that are there without us.
as_before() {
  if [ -s "$2" ]; then before=$(cat "$2"); else before=$(findmnt -n -o VFS-OPTIONS --target "${1%/*}/"); fi
  before=$(echo "$before" | tr , '\n' | grep -xE 'no(suid|dev|exec)' | paste -s -d , -)
  echo "remount,bind,$(on_top "$1" VFS-OPTIONS),suid,dev,exec${before:+,$before}"
}

start() { # PATH OPTIONS
  note=$notes/$(echo "$1" | tr / -)
  if [ -e "$note" ]; then :
  elif mountpoint -q "$1"; then on_top "$1" VFS-OPTIONS > "$note"
  else : > "$note"; mount --rbind "$1" "$1"; on_top "$1" ID > "$note.bound"; fi
  mount -o "$(as_before "$1" "$note"),$2" "$1"
}

stop() { # PATH
  note=$notes/$(echo "$1" | tr / -)
  [ -e "$note" ] || return 0
  if [ -s "$note" ]; then mount -o "$(as_before "$1" "$note")" "$1"
  elif [ -e "$note.bound" ] && [ "$(cat "$note.bound")" != "$(on_top "$1" ID)" ]; then
    echo "$1: somebody else has mounted something there; it stays" >&2
  else
    # Shared with the folder under it until now, so that what was mounted meanwhile is there, too. Private
    # from here on, or each mount below would be unmounted there as well.
    mount --make-rprivate "$1"
    umount --lazy "$1"
  fi
  rm -f "$note" "$note.bound"
}

check() { # PATH OPTIONS
  for option in $(echo "$2" | tr , ' '); do
    case ",$(on_top "$1" VFS-OPTIONS)," in *",$option,"*) ;; *) exit 1 ;; esac
  done
}

mkdir -p $notes
echo "$table" | while read -r path options; do
  [ ! -d "$path" ] || "$1" "$path" "$options"
done
