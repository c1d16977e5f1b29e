# Functions that leave a host: packages as they were, and at the very end rempart's own way in.
# shellcheck disable=SC2154  # the variables of lib.sh and tidy.sh

# NAME…: those that nothing else needs; also their configuration, unless somebody has edited it since.
purge_unneeded() {
  names=$(printf '%s\n' "$@" | sort)
  if [ "$(would_go "$@")" != "$names" ]; then
    names=$(for name; do
      gone=$(would_go "$name")
      # Gone already, or something would go along that is not ours.
      [ -z "$gone" ] || printf '%s\n' "$gone" | grep -qvxF "$names" || printf '%s\n' "$name"
    done)
  fi
  purged='' removed=''
  for name in $names; do
    stop_units "$name"
    if edited_by_hand "$name"; then removed="$removed $name"; else purged="$purged $name"; fi
  done
  # Removed first: a purge would take the configuration of what goes along too.
  # shellcheck disable=SC2086  # names
  { [ -z "$removed" ] || apt remove $removed; } && { [ -z "$purged" ] || apt purge $purged; }
}

# NAME: not every package ends its own services when it goes, and what had failed stays listed for ever.
stop_units() {
  units=$(dpkg -L "$1" | sed -n 's,^.*/systemd/system/\([^/@]*[.][a-z]*\)$,\1,p')
  for verb in stop reset-failed; do printf '%s\n' "$units" | xargs -r systemctl $verb 2>/dev/null || :; done
}

# NAME: whether a conffile, dpkg's own or one that ucf looks after, is not as it was installed.
edited_by_hand() {
  dpkg -V "$1" | grep -q '^..5.* c /' && return
  awk -v name="$1" '$1 == name { print $2 }' /var/lib/ucf/registry 2>/dev/null |
    while IFS= read -r path; do
      ! grep -F "  $path" /var/lib/ucf/hashfile | md5sum -c --status 2>/dev/null || continue
      echo edited
    done | grep -q .
}

# NAME…: purges those of them that apt installed by itself and that nothing needs any more.
purge_brought() {
  apt-mark showauto | sort > "$state/auto"
  # What is merely suggested was not there before either.
  unneeded=$(apt-get -s -qq -o APT::AutoRemove::SuggestsImportant=0 autoremove | sed -n 's/^Remv \([^ ]*\) .*/\1/p' | sort |
    comm -12 - "$state/auto")
  rm "$state/auto"
  going=
  for name; do
    case "
$unneeded
" in *"
$name
"*) edited_by_hand "$name" || going="$going $name" ;; esac
  done
  # shellcheck disable=SC2086  # names
  set -- $going
  [ $# = 0 ] || [ "$(would_go "$@" | tr '\n' ' ')" != "$(printf '%s\n' "$@" | sort | tr '\n' ' ')" ] ||
    apt purge "$@"
}

# NAME MARK …: brings back what rempart removed, marked in apt as it was.
install_again() {
  names='' auto=''
  while [ $# -gt 0 ]; do
    names="$names $1"; [ "$2" = manual ] || auto="$auto $1"; shift 2
  done
  # shellcheck disable=SC2086  # names
  { apt install --no-remove $names || { apt update && apt install --no-remove $names; }
    [ -z "$auto" ] || apt-mark -qq auto $auto; }
}

# Homes of accounts that rempart made: one with nothing but the skeleton goes, any other stays, closed
# to all but root, because its owner's number may be somebody else's one day.
tidy_homes() {
  for each in $state/homes/*; do
    [ -e "$each" ] && ! getent passwd "${each##*/}" >/dev/null || continue
    home=$(cat "$each")
    case $home in /?*) ;; *) continue ;; esac
    [ -d "$home" ] && [ ! -L "$home" ] || continue
    if diff -r --no-dereference /etc/skel "$home" >/dev/null 2>&1; then rm -rf --one-file-system -- "$home"
    else chown root:root "$home"; chmod 700 "$home"; printf 'kept\t%s\n' "$home"; fi
  done
}

# USER HOME GROUP BY; GROUP is empty where the hardening stays. A unit does it, which outlives our own
# session, and which the next boot starts again if the power goes: no host keeps half an account.
farewell() {
  [ ! -e $guard/armed ] && [ ! -e $guard/reverting ] || fail "a guarded change is not settled yet"
  tidy_homes
  cat > "$2/farewell" <<SCRIPT
user=$1 home=$2 group=$3 state=$state unit=$farewell_unit
$(leaving_script)
SCRIPT
  cat > $farewell_unit <<UNIT
[Unit]
Description=rempart: leave this host
[Service]
Type=oneshot
ExecStart=/bin/sh $2/farewell
[Install]
WantedBy=multi-user.target
UNIT
  chmod 644 $farewell_unit; sync "$2/farewell" $farewell_unit
  systemctl daemon-reload; systemctl -q enable rempart-farewell.service
  logger -t rempart "$4 takes rempart off this host${3:+, originals restored}"
  systemctl start --no-block rempart-farewell.service
  echo leaving
}
farewell_unit=/etc/systemd/system/rempart-farewell.service

leaving_script() {
  cat <<'SCRIPT'
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
leave() {
  uid=$(id -u "$user") && for pause in 0.5 0.5 0.5 0.5 0.5 0.5 end; do
    # Our own session hears the answer first, and the user's systemd ends by itself.
    pgrep -U "$uid" >/dev/null || break
    [ $pause = end ] || sleep $pause
  done
  ! id "$user" >/dev/null 2>&1 || usermod --expiredate 1 "$user" # nobody logs in any more
  rm -rf --one-file-system "$state" /run/rempart "/etc/ssh/authorized_keys.d/$user"
  for pause in 0 0.2 0.5 1 2 5; do
    id "$user" >/dev/null 2>&1 || break
    loginctl terminate-user "$user" 2>/dev/null
    systemctl stop "user@$uid.service" 2>/dev/null
    pkill -KILL -U "$uid"; sleep $pause; userdel "$user"
  done
  ! getent group "$user" >/dev/null || groupdel "$user"
  [ -z "$group" ] || ! getent group "$group" >/dev/null || groupdel "$group"
  rm -f /etc/sudoers.d/rempart
  if [ -e "$home/sudo-installed" ]; then
    DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 purge sudo
  fi
  systemctl -q disable rempart-farewell.service
  rm -rf --one-file-system "$home" "$unit"
  systemctl daemon-reload
}
leave
SCRIPT
}
