# Functions that change a host. Each does its whole job or fails and leaves the object as it was.
set -eu
umask 077
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive
state=/var/lib/rempart
mkdir -p "$state" /run/rempart/pending

fail() { printf '%s\n' "$*" >&2; exit 1; }

# PATH: root follows no link that somebody else could put there, so it works in no folder of theirs.
# Where root alone may write nobody else changes that: a folder is looked at once.
refuse_foreign() {
  case $looked_at in *"
${1%/*}
"*) return 0 ;; esac
  path=$1 folder=$(realpath -m -- "${1%/*}/.")
  set -- /
  while [ -n "${folder%/}" ]; do set -- "$@" "$folder"; folder=${folder%/*}; done
  modes=$(stat -c '%u %g %A' -- "$@" 2>/dev/null) || : # what is not there is nobody's
  while read -r mode; do
    is_roots "$mode" && continue
    for folder; do
      is_roots "$(stat -c '%u %g %A' -- "$folder" 2>/dev/null)" ||
        fail "$path: others than root may write in $folder; rempart changes nothing there"
    done
    fail "$path: a folder above it changes under our hands; try again"
  done <<MODES
$modes
MODES
  looked_at="$looked_at${path%/*}
"
}
looked_at='
'

# UID GID MODES: root alone may write there.
is_roots() {
  case $1 in
  '' | '0 '*' '?????-??-? | '0 0 '????????-?) ;;
  '0 '*' drwx-wx--T') ;; # crontab(1)'s folder: through its own group alone
  *) return 1 ;;
  esac
}

# UNIT…: these run an older state than the one on disk until clear_pending.
mark_pending() { for unit; do : > "/run/rempart/pending/$unit"; done; }
clear_pending() { rm -f "/run/rempart/pending/$1"; }

# PATH: keeps what stood there before rempart, once.
save_original() {
  kept=$state/originals$1
  [ -e "$kept" ] || [ -L "$kept" ] || [ -e "$kept.absent" ] && return 0
  mkdir -p "${kept%/*}"
  if [ -e "$1" ] || [ -L "$1" ]; then cp -a -- "$1" "$kept.new" && mv -T "$kept.new" "$kept"
  else : > "$kept.absent"; fi
}

# PATH CANDIDATE: the rename that every write ends with; bytes and name are on the disk after it.
put_in_place() {
  # rename(2) puts no file in a folder's place.
  if [ -d "$1" ] && [ ! -L "$1" ]; then rm -rf --one-file-system -- "$1"; fi
  sync "$2"; mv -fT -- "$2" "$1"; sync "${1%/*}"
  case $1 in /etc/systemd/system/*) systemctl daemon-reload ;; esac
}

# PATH CHECK; the content in base64 on stdin: the daemon's own word on it, before anything changes. Its
# temporary files lie where no user can fill the disk.
check_file() {
  TARGET=$1 CANDIDATE=$(mktemp /run/rempart/candidate.XXXXXX); export TARGET CANDIDATE
  base64 -d > "$CANDIDATE"
  TMPDIR=/run/rempart sh -euc "$2" || { rm -f "$CANDIDATE"; fail "$TARGET: its own checker refuses the new content"; }
  rm -f "$CANDIDATE"
}

# PATH MODE USER GROUP CHECK UNIT…; the content in base64 on stdin.
write_file() {
  refuse_foreign "$1"
  TARGET=$1 mode=$2 owner=$3:$4 check=$5; shift 5
  CANDIDATE=$(mktemp "${TARGET%/*}/.rempart.XXXXXX"); trap 'rm -f "$CANDIDATE"' EXIT
  base64 -d > "$CANDIDATE"; chown "$owner" "$CANDIDATE"; chmod "$mode" "$CANDIDATE"
  export TARGET CANDIDATE
  [ -z "$check" ] || TMPDIR=/run/rempart sh -euc "$check" || fail "$TARGET: its own checker refuses the new content"
  save_original "$TARGET"; mark_pending "$@"
  put_in_place "$TARGET" "$CANDIDATE"; trap - EXIT
}

# PATH UNIT…
remove_file() {
  refuse_foreign "$1"
  path=$1; shift
  save_original "$path"; mark_pending "$@"
  rm -rf --one-file-system -- "$path"; sync "${path%/*}"
}

# PATH UNIT…: gives the path back to what it was before rempart.
restore_file() {
  refuse_foreign "$1"
  path=$1 kept=$state/originals$1; shift
  mark_pending "$@"
  if [ -e "$kept" ] || [ -L "$kept" ]; then
    cp -a -- "$kept" "$path.rempart-new"; mv -fT -- "$path.rempart-new" "$path"; rm -rf "$kept"
  elif [ -e "$kept.absent" ]; then rm -f -- "$path" "$kept.absent"; fi
  case $path in /etc/systemd/system/*) systemctl daemon-reload ;; esac
}

# PATH MODE USER GROUP
make_directory() {
  refuse_foreign "$1"
  [ -d "$1" ] && [ ! -L "$1" ] || mkdir -m 700 -- "$1"
  chown "$3:$4" "$1"; chmod "$2" "$1"
}

remove_empty_directory() { rmdir --ignore-fail-on-non-empty -- "$1" 2>/dev/null || :; }

# PATH MODE USER GROUP; what is gone needs nothing.
set_permission() {
  refuse_foreign "$1"
  if [ ! -e "$1" ] || [ -L "$1" ]; then return 0; fi
  chown "$3:$4" "$1"; chmod "$2" "$1"
}

# PATH MODE USER GROUP: upgrades keep it; what an administrator has decided stays decided.
keep_permission() {
  dpkg-statoverride --list "$1" >/dev/null && return
  dpkg-statoverride --add "$3" "$4" "$2" "$1"
  printf '%s\n' "$1" >> $state/overrides
}

# PATH: dpkg forgets what keep_permission told it.
drop_permission() {
  grep -qxF -- "$1" $state/overrides 2>/dev/null || return 0
  dpkg-statoverride --quiet --remove "$1" || :
  sed -i "\\,^$1\$,d" $state/overrides
}

# PATH KEY LINE [undo]: makes LINE the only active line of KEY, and comments of the others; undone, they
# count again. An empty LINE takes the key away.
set_line() {
  [ -e "$1" ] || [ "${4-}" != undo ] || return 0 # it went with its package
  CANDIDATE=$(mktemp "${1%/*}/.rempart.XXXXXX"); trap 'rm -f "$CANDIDATE"' EXIT
  cp -a -- "$1" "$CANDIDATE"
  KEY=$2 LINE=$3 UNDO=${4-} awk '
    function is_key(text) {
      sub(/^[ \t]+/, "", text); rest = substr(text, length(key) + 1, 1)
      return index(text, key) == 1 && (rest == "" || rest == " " || rest == "\t")
    }
    BEGIN { key = ENVIRON["KEY"]; line = ENVIRON["LINE"]; undo = ENVIRON["UNDO"]; aside = "# rempart: " }
    undo && index($0, aside) == 1 && is_key(substr($0, length(aside) + 1)) {
      print substr($0, length(aside) + 1); next }
    !is_key($0) { print; next }
    done { print aside $0; next }
    { done = 1; if (line != "") print line }
    END { if (!done && line != "") print line }' "$1" > "$CANDIDATE"
  put_in_place "$1" "$CANDIDATE"; trap - EXIT
}

# FOLDER SETTING NAME=VALUE…: on the interface of that name, or on every one (*). What is gone needs nothing.
set_interfaces() {
  folder=/proc/sys/$1 setting=$2; shift 2
  for pair; do
    case $pair in
    '*='*) (cd "$folder" && printf '%s\n' *) 2>/dev/null | grep -vxE 'all|default' ;;
    *) printf '%s\n' "${pair%=*}" ;;
    esac | while IFS= read -r name; do
      path=$folder/$name/$setting
      [ ! -e "$path" ] || { echo "${pair##*=}" > "$path"; } 2>/dev/null || [ ! -e "$path" ] ||
        fail "$path: cannot be set to ${pair##*=}"
    done
  done
}

missing() { fail "$1: no such file; the package that brings it is not installed"; }

# apt waits for another apt, keeps local changes to configuration, and never asks. It writes into a
# file: a connection that is cut closes its pipe, which would end dpkg half-way.
apt() {
  # Maintainer scripts make files for everybody to read: our own umask is not theirs.
  (umask 022; apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confdef \
    -o Dpkg::Options::=--force-confold --no-install-recommends "$@") \
    < /dev/null > /run/rempart/apt.log 2>&1 || { tail -c 4000 /run/rempart/apt.log >&2; return 1; }
}

# install|remove NAME…: what apt would do, a line each.
simulated() { apt-get -s -qq --no-install-recommends "$@"; }

# Reads that, and notes what apt is about to bring and to take, so that leaving can undo it. Noted
# before: an apt that is killed half-way has brought something all the same.
note_packages() {
  auto=$(apt-mark showauto)
  while read -r verb name was _; do
    case $verb:$was in
    Inst:\[*) ;; # an upgrade
    Inst:*) printf '%s\n' "$name" >> $state/brought ;;
    Remv:*)
      grep -qx "$name" $state/brought 2>/dev/null && continue
      case "
$auto
" in *"
$name
"*) printf '%s auto\n' "$name" ;; *) printf '%s manual\n' "$name" ;; esac >> $state/taken ;;
    esac
  done
}

# Nothing may go to make room: what an install would remove is for a person to decide.
apt_install() {
  [ -n "$(find /var/lib/apt/lists -name '*_Packages*' -mtime -1 -print -quit 2>/dev/null)" ] ||
    apt update
  simulated install "$@" | note_packages
  apt install --no-remove "$@" || {
    apt update && simulated install "$@" | note_packages && apt install --no-remove "$@"
  }
}

# Reads what apt would do; the packages that would go, one name a line.
going() { sed -n 's/^Remv \([^ ]*\) .*/\1/p' | sort; }

# REVIEWED PACKAGE…: removes these; REVIEWED are the names that a person saw go, these included.
# Configuration and data stay: a purge would run what other packages do to their data.
apt_remove() {
  reviewed=$1; shift
  simulation=$(simulated remove "$@")
  would=$(printf '%s\n' "$simulation" | going | tr '\n' ' ')
  [ "$would" = "$reviewed" ] || fail "removing $* would remove $would(reviewed: $reviewed); plan again"
  printf '%s\n' "$simulation" | note_packages
  apt remove "$@"
}

would_go() { simulated remove "$@" | going; }

remove_unneeded() { [ "$(would_go "$1")" != "$1" ] || apt remove "$1"; }

# auditd's rules are loaded beside it. Rules that are locked wait for the next boot; a container's kernel is
# its machine's, and takes none.
load_audit_rules() {
  if ! systemctl -q is-active auditd.service; then
    systemctl reset-failed auditd.service audit-rules.service 2>/dev/null || :; return 0
  fi
  systemctl kill -s HUP auditd.service
  said=$(augenrules --load 2>&1) || auditctl -s | grep -qx 'enabled 2' || fail "augenrules: $said"
}

reload_unit() {
  if [ "$1" = auditd.service ]; then load_audit_rules; clear_pending "$1"; return; fi
  # Behind its socket sshd does not survive a reload; the next connection starts it anew.
  if [ "$1" = ssh.service ] && systemctl -q is-active ssh.socket; then
    systemctl -q stop ssh.service 2>/dev/null; clear_pending "$1"; return
  fi
  systemctl try-reload-or-restart "$1"
  systemctl -q is-failed "$1" && fail "$1: failed after its reload"
  clear_pending "$1"
}

# UNIT: where it is disabled already, the verb would still turn round the links of an old init script.
disable_unit() { ! systemctl -q is-enabled "$1" 2>/dev/null || systemctl -q disable "$1"; }

# UNIT: it ends, and so does what it leaves in the kernel and on the disk.
retire_unit() {
  systemctl -q disable --now "$1" 2>/dev/null || :
  clear_pending "$1"
  case $1 in
  rempart-firewall.service)
    # Our table alone; made first, because taking away what is not there is an error.
    ! command -v nft >/dev/null ||
      printf 'table inet rempart\ndelete table inet rempart\n' | nft -f - ;;
  rempart-seals.timer) systemctl -q stop rempart-seals.service; rm -rf /var/lib/rempart-seals ;;
  # When it scanned; what it has put away stays.
  rempart-scan.timer)
    systemctl -q stop rempart-scan.service rempart-downloads.service 2>/dev/null || :
    find /var/lib/rempart-antivirus -maxdepth 1 -type f -delete 2>/dev/null || : ;;
  # Without auditd the kernel would write what the rules ask for into its own log.
  auditd.service) ! command -v auditctl >/dev/null || auditctl -D >/dev/null 2>&1 || : ;;
  esac
}

remove_group() { ! getent group "$1" >/dev/null || groupdel "$1"; }

# LOGIN [made]: nobody gets in any more and nobody stays in; the files stay. An expired account lets nobody
# in by any way, and unlike a locked one it is whole again when its date is taken away.
retire_user() {
  uid=$(id -u "$1" 2>/dev/null) || return 0
  usermod --expiredate 1 "$1"
  if [ $# = 2 ]; then mkdir -p $state/retired; : > "$state/retired/$1"; fi
  [ "$uid" -ge 1000 ] || return 0
  end_sessions "$1"
}

end_sessions() {
  loginctl terminate-user "$1" 2>/dev/null || :
  pkill -KILL -U "$1" || :
}

# LOGIN EXPIRES: retires somebody who has left, with all that would run or let in without a login.
close_account() {
  uid=$(id -u "$1"); own=$(id -ng "$1")
  usermod --expiredate "$2" "$1"
  for group in $(id -nG "$1"); do [ "$group" = "$own" ] || gpasswd --delete "$1" "$group" >/dev/null; done
  rm -f "/var/lib/systemd/linger/$1" "/var/spool/cron/crontabs/$1"
  find /var/spool/cron/atjobs -type f -uid "$uid" -delete 2>/dev/null || :
  [ "$uid" -ge 1000 ] || return 0
  end_sessions "$1"
  if [ -d "/home/$1" ] && [ ! -L "/home/$1" ]; then chown root:root "/home/$1"; chmod 700 "/home/$1"; fi
}

# LOGIN MAX WARN, in days: an overdue password still opens for the days of warning.
set_ageing() {
  chage --maxdays "$2" --warndays "$3" -- "$1"
  last=$(getent shadow -- "$1" | cut -d: -f3); oldest=$(($(date +%s) / 86400 - $2 + $3))
  [ "${last:-$oldest}" -ge "$oldest" ] || chage --lastday "$oldest" -- "$1"
}

# LOGIN MAX WARN: as it was before, if the account is still there.
restore_ageing() { ! getent passwd "$1" >/dev/null || chage --maxdays "$2" --warndays "$3" -- "$1"; }

# LOGIN: the number of an account that was undone may be another one now.
unseal_home() { find "/home/$1" -xdev -nouser -exec chown -h -- "$1:" {} +; chown "$1:" "/home/$1"; }

# EXPIRES LOGIN…: these let nobody in any more.
lock_accounts() {
  expires=$1; shift
  for login; do usermod --expiredate "$expires" -- "$login"; pkill -KILL -u "$login" || :; done
}

# EXPIRES LOGIN DAY: it expires on that day again, if it still expires as lock_accounts said.
unlock_account() {
  [ "$(getent shadow -- "$2" | cut -d: -f8)" != "$1" ] || usermod --expiredate "$3" -- "$2"
}

# Whoever has an empty password would stand before a closed door the next morning.
refuse_empty_passwords() {
  empty=$(getent shadow | awk -F: '$2 == "" { print $1 }' | paste -sd ' ')
  [ -z "$empty" ] || fail "$empty: an empty password opens no more after this; set one there with passwd"
}

# NAME [FILE MODULE]…: enables the profile in base64 on stdin; each MODULE stands in its FILE after it.
# pam-auth-update leaves stacks alone that were edited by hand, and says nothing.
enable_pam() {
  name=$1; shift
  base64 -d > /usr/share/.rempart-pam; chmod 644 /usr/share/.rempart-pam
  put_in_place "/usr/share/pam-configs/$name" /usr/share/.rempart-pam
  pam-auth-update --package --enable "$name"
  while [ $# -gt 0 ]; do
    tr -s '\t ' ' ' < "$1" | sed 's/#.*//; s/ use_authtok//; s/ try_first_pass//' | grep -qF -- "$2" ||
      fail "$1 was edited by hand, pam-auth-update leaves it; run pam-auth-update --force there"
    shift 2
  done
}

# NAME [PROFILE]: takes a profile away, and enables the one that it stood for.
disable_pam() {
  rm -f "/usr/share/pam-configs/$1"; sed -i "/^$1\$/d" /var/lib/pam/seen
  pam-auth-update --package ${2:+--enable "$2"}
}

# LOGIN: an account that rempart made goes; where its home is, is noted for tidy_homes.
delete_user() {
  uid=$(id -u "$1" 2>/dev/null) || return 0
  [ "$uid" -ge 1000 ] || fail "$1: is a system account (uid $uid); remove it by hand"
  mkdir -p $state/homes; getent passwd "$1" | cut -d: -f6 > "$state/homes/$1"
  for pause in 0 0.2 0.5 1 2 end; do
    end_sessions "$1"
    [ $pause != end ] || fail "$1: is still logged in"
    sleep $pause
    userdel "$1" 2>/dev/null && return
  done
}

# LOGIN GROUP yes|no
restore_membership() {
  case " $(id -nG "$1") " in *" $2 "*) is=yes ;; *) is=no ;; esac
  case $is:$3 in
  yes:no) gpasswd --delete "$1" "$2" ;;
  no:yes) gpasswd --add "$1" "$2" ;;
  esac
}

# FILE below our own folder; the content in base64 on stdin.
write_state() {
  file=$state/$1; mkdir -p "${file%/*}"
  base64 -d > "$file.new"; sync "$file.new"; mv -fT "$file.new" "$file"; sync "${file%/*}"
}
