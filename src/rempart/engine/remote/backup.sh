# Functions that bring a host its backup's secrets, and a server its repositories.
# shellcheck disable=SC2154  # the variables of lib.sh

# TARGET NAME; the content in base64 on stdin: one of the files that a host needs for a target.
bring_secret() {
  folder=/etc/rempart-backup/$1 file=/etc/rempart-backup/$1/$2
  [ -d /etc/rempart-backup ] || fail '/etc/rempart-backup: is not there; run rempart apply first'
  mkdir -p "$folder"
  base64 -d > "$file.new"
  if cmp -s "$file.new" "$file"; then rm "$file.new"; return; fi
  sync "$file.new"; mv -fT "$file.new" "$file"; sync "$folder"
  printf 'brought\t%s\t%s\n' "$1" "$2"
}

# TARGET: the way to the server works, with the key and the password; it says the repository's id.
try_repository() {
  printf 'opens\t%s\t%s\n' "$1" "$(python3 -I -X utf8 /etc/rempart-backup/backup.py --id "$1")"
}

# ACT TARGET: what to do with a removable disk, disk.py.
disk() {
  [ -e /etc/rempart-ingest/disk.py ] || fail "$2: this host knows no such disk; run rempart apply first"
  python3 -I -X utf8 /etc/rempart-ingest/disk.py "$1" "$2" || exit 1
  printf 'disk\t%s\t%s\n' "$1" "$2"
}

# TARGET: what an operator begins with a disk that stays until he has done.
plug() { disk stay "$1"; begin_visit "$1"; }
unplug() { disk leave "$1"; begin_visit "$1"; }

# TARGET: the hosts bring their copies, and the disk may go.
begin_visit() {
  systemctl start --no-block "rempart-disk@$1.service"
}

# FOLDER USER CONFIG NAME KEY, files in base64: a repository into which USER brings what nobody alters.
seal_repository() {
  repository=$1 user=$2
  id -u "$user" >/dev/null || fail "$user: there is no such account; run rempart apply first"
  if [ ! -e "$repository" ]; then
    refuse_foreign "$repository"
    (umask 066; mkdir -p "${repository%/*}")
    new=${repository%/*}/.${repository##*/}.new
    rm -rf --one-file-system -- "$new"
    mkdir "$new" "$new/data" "$new/index" "$new/keys" "$new/locks" "$new/snapshots"
    for first in 0 1 2 3 4 5 6 7 8 9 a b c d e f; do
      for second in 0 1 2 3 4 5 6 7 8 9 a b c d e f; do mkdir "$new/data/$first$second"; done
    done
    printf %s "$3" | base64 -d > "$new/config"
    printf %s "$5" | base64 -d > "$new/keys/$4"
    chown -R "root:$user" "$new"
    chmod 440 "$new/config" "$new/keys/$4"
    chmod 750 "$new" "$new/data" "$new/keys"
    chmod 1770 "$new"/data/?? "$new/index" "$new/locks" "$new/snapshots"
    sync -f "$new"; mv -T "$new" "$repository"; sync "${repository%/*}"
    printf 'made\t%s\n' "$repository"
  fi
  show_repository "$repository"
}

# FOLDER HOST/TARGET: a repository whose secrets somebody knows is put beside, with its ledger, root's alone.
freeze_repository() {
  frozen=$1.frozen/$(date -u +%Y%m%dT%H%M%SZ)
  notes=/var/lib/rempart-ingest/$(printf %s "$2" | sed 's:/:--:')
  [ -e "$1" ] || [ -e "$notes.ledger" ] || return 0
  (umask 077; mkdir -p "$frozen")
  (
    flock 9
    [ ! -e "$1" ] || mv -T "$1" "$frozen/repository"
    for note in ledger alarms released commit; do
      [ ! -e "$notes.$note" ] || mv "$notes.$note" "$frozen/"
    done
    rm -rf --one-file-system "$1.rewound" "$1.sabotaged" "$1.maintained"
  ) 9> "$notes.lock"
  printf 'frozen\t%s\n' "$frozen"
}

# USER: whoever is still here came with the key of before.
end_sessions() {
  pkill -KILL -u "$1" || [ $? = 1 ]
}

# FOLDER: what tells whose repository it is; those files are root's.
show_repository() {
  for key in "$1"/keys/*; do
    printf 'repository\t%s\t%s\t%s\t%s\n' "$1" "$(base64 -w0 "$1/config")" "${key##*/}" "$(base64 -w0 "$key")"
  done
}

# USER; the lines in base64 on stdin: the keys of an account that brings backups.
bring_keys() {
  file=/etc/ssh/ingest_keys.d/$1
  [ -d "${file%/*}" ] || fail "${file%/*}: is not there; run rempart apply first"
  base64 -d > "$file.new"
  chmod 644 "$file.new"
  if cmp -s "$file.new" "$file"; then rm "$file.new"; return; fi
  sync "$file.new"; mv -fT "$file.new" "$file"; sync "${file%/*}"
  printf 'keys\t%s\n' "$1"
}

# USER; a line in base64 on stdin: a key that another host is lent.
lend_key() {
  file=/etc/ssh/ingest_keys.d/$1
  { cat "$file" && base64 -d; } > "$file.new"
  chmod 644 "$file.new"; mv -fT "$file.new" "$file"
  printf 'lent\t%s\n' "$1"
}

# USER; the same line: it is taken back.
return_key() {
  file=/etc/ssh/ingest_keys.d/$1
  base64 -d > "$file.lent"
  grep -vxFf "$file.lent" "$file" > "$file.new" || [ $? = 1 ]
  rm "$file.lent"
  chmod 644 "$file.new"; mv -fT "$file.new" "$file"
  printf 'returned\t%s\n' "$1"
}

# TARGET: a backup now, and the result of this very run.
back_up() {
  unit=rempart-backup@$1.service
  # A start would wait for the pause after a failed one.
  [ "$(systemctl show -P SubState "$unit")" != auto-restart ] || systemctl stop "$unit"
  systemctl start "$unit" || :
  run=$(systemctl show -P InvocationID "$unit")
  if [ -n "$run" ] && grep -qF "\"$run\"" "/var/lib/rempart-backup/$1.json" 2>/dev/null; then
    printf 'result\t%s\t%s\n' "$1" "$(base64 -w0 "/var/lib/rempart-backup/$1.json")"
  fi
}

# FOLDER, and options of backup.py: what comes from a repository is written there and nowhere else.
confined() {
  folder=$1 system=strict homes=read-only; shift
  [ "$folder" != / ] || { system=no homes=no; }
  [ -e /etc/rempart-backup/backup.py ] || fail '/etc/rempart-backup: is not there; a host that restores is backed up itself'
  [ -d "$folder" ] || (umask 077; mkdir -p "$folder")
  systemd-run --quiet --wait --pipe --collect --description='rempart: reads a backup back' \
    -p ReadWritePaths="\"$(printf %s "$folder" | sed 's/[\\"]/\\&/g')\"" \
    -p CacheDirectory=rempart-backup -p CacheDirectoryMode=0700 \
    -p RuntimeDirectory=rempart-restore -p RuntimeDirectoryMode=0700 \
    -p CapabilityBoundingSet='CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_FSETID CAP_SETFCAP' \
    -p ProtectSystem=$system -p ProtectHome=$homes -p PrivateTmp=yes -p PrivateDevices=yes -p NoNewPrivileges=yes \
    -p ProtectKernelModules=yes -p ProtectKernelTunables=yes -p ProtectControlGroups=yes \
    -p LockPersonality=yes -p RestrictNamespaces=yes -p SystemCallArchitectures=native \
    -p RestrictAddressFamilies='AF_UNIX AF_INET AF_INET6 AF_NETLINK' -p SystemCallFilter=@system-service \
    python3 -I -X utf8 /etc/rempart-backup/backup.py "$@"
}

# TARGET FOLDER; what to restore below the folder, as JSON in base64 on stdin.
restore() {
  printf 'restored\t%s\n' "$(base64 -d | confined "$2" --restore "$1" | base64 -w0)"
}

# FOLDER; what to restore of another host, with the secrets that it takes, as JSON in base64 on stdin.
restore_of_another() {
  printf 'restored\t%s\n' "$(base64 -d | confined "$1" --restore-of | base64 -w0)"
}

# TARGET; what to read back, as JSON in base64 on stdin.
drill() {
  printf 'drilled\t%s\t%s\n' "$1" "$(base64 -d | confined /var/lib/rempart-backup --drill "$1" | base64 -w0)"
}

# HOST/TARGET; what to forget, and the password, as JSON in base64 on stdin.
maintain() {
  printf 'maintained\t%s\t%s\n' "$1" "$(base64 -d | python3 -I -X utf8 /etc/rempart-ingest/ledger.py maintain "$1" | base64 -w0)"
}

# HOST/TARGET; what view to lay, as JSON in base64 on stdin.
sabotage() {
  printf 'sabotaged\t%s\t%s\n' "$1" "$(base64 -d | python3 -I -X utf8 /etc/rempart-ingest/ledger.py sabotage "$1" | base64 -w0)"
}

# HOST/TARGET WHO: all that was wrong has been looked at.
release() {
  printf 'released\t%s\t%s\n' "$1" "$(python3 -I -X utf8 /etc/rempart-ingest/ledger.py release "$1" "$2" | base64 -w0)"
}
