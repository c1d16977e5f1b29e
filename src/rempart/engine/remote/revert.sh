# The dead man's switch: puts a host back as it was before an unconfirmed change. Called by the guard's
# timer, by the early-boot unit ("boot": files only, the daemons have not started) and at once by a
# failed switch ("now"). Safe to run twice and after a power cut in the middle of itself. Nothing in it
# needs room on the disk.
#
# An entry that is done is struck off, and nothing takes it up again: its copy has moved to its place, or
# its mark in todo/ is gone. So whatever stops a revert, the next one goes on with the rest. By then
# somebody may have worked on the host; what could be theirs stays, is reported, and is struck off too.
# shellcheck disable=SC2154  # the variables of tidy.sh
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
trap '' HUP PIPE
cd $guard || exit 0
# A step that hangs is killed after 21 s. A switch that holds the lock for longer stands still, and
# must not go on with its changes when all is put back.
exec 8< .
flock -w 25 8 || for each in /proc/[0-9]*/fd/9; do
  holder=${each#/proc/}
  [ "$(readlink "$each")" != "$(pwd -P)" ] || kill -KILL "${holder%%/*}"
done
called=$1 tab=$(printf '\t') trouble=
say() { logger -t rempart "$*"; }
# What could not be put back is kept for the operator's next question, if there is room.
note() { say "$*"; echo "$*" >&2; { echo "$*" >> trouble; } 2>/dev/null; }
fault() { trouble=yes; note "$*"; }
# So is what this revert leaves as it is for good.
leave() {
  say "left as it is: $*"
  grep -qxF -- "$*" left 2>/dev/null || { echo "$*" >> left; } 2>/dev/null
}

# LIST MARK: the list's entries that are not struck off, each after its number.
entries() {
  awk -v mark="todo/$2." '{ file = mark NR; if ((getline nothing < file) >= 0) print NR "\t" $0; close(file) }' "$1"
}
strike() { rm -f "todo/$1.$2"; } # MARK NUMBER

is_folder() { [ -d "$1" ] && [ ! -L "$1" ]; }
is_there() { [ -e "$1" ] || [ -L "$1" ]; }
is_ours() { case $1 in "${guard%/*}"/* | /run/rempart/*) ;; *) return 1 ;; esac }

# Whether somebody has logged in since the revert began: nobody, somebody or unknown. PAM's own words in
# the journal, after the entry that was its last one then: that is an order and no clock, and root alone
# can write them. Who is no person does not count: rempart's account asks what became of its change.
came_since() {
  [ -e begun ] || { echo nobody; return; } # it was stopped before it did anything
  IFS= read -r cursor < begun
  # What was said a moment ago.
  timeout 20 journalctl --sync 2>/dev/null || [ "$called" = boot ] || { echo unknown; return; }
  there=$(timeout 20 journalctl -q -n1 --cursor="$cursor" -o export 2>/dev/null | sed -n 's/^__CURSOR=//p')
  case $there in '' | "${there#*;b=}") echo unknown; return ;; esac
  [ "${there#*;b=}" = "${cursor#*;b=}" ] || { echo unknown; return; }
  # Debian 12's --after-cursor would leave out the first entry that matches.
  said=$(timeout 20 journalctl -q --cursor="$cursor" -o export --output-fields=MESSAGE SYSLOG_FACILITY=10 _UID=0) ||
    { echo unknown; return; }
  printf '%s\n' "$said" | awk -v RS= -v at="${cursor#*;b=}" '!index($0, at)' |
    sed -n 's/^MESSAGE=pam_unix(\([^:]*\):session): session opened for user [^ ]*(uid=\([0-9]*\)) by [^ ]*(uid=\([0-9]*\)).*/\1 \2 \3/p' |
    awk 'function is_person(uid) { return uid == 0 || uid >= 1000 && uid != 65534 }
      $1 ~ /^(cron|atd|systemd-user)$/ { next }
      $1 ~ /^(su|su-l|sudo|sudo-i|runuser|runuser-l)$/ { if ($3 >= 1000) came = 1; next }
      is_person($2) { came = 1 }
      END { print came ? "somebody" : "nobody" }'
}

# What stands where and who may use it, before the first entry is taken up.
note_beginning() {
  rm -f room # kept for this
  timeout 5 journalctl --sync 2>/dev/null # the entry that all others come after
  { journalctl -q -n1 --show-cursor -o cat 2>/dev/null | sed -n 's/^-- cursor: //p' | grep . || echo
    objects; } > begun.new 2>/dev/null && sync begun.new && mv -T begun.new begun
}
# PATH: whether it is not what it was then, also by a clock that was set: the very times must be the same.
has_changed() {
  [ "$(find "$1" -xdev -printf "$object" 2>/dev/null)" != "$(
    OF=$1 awk -F'\t' '$1 == ENVIRON["OF"] || index($1, ENVIRON["OF"] "/") == 1' begun)" ]
}
has_changed_mode() { ! stat -c "$mode_of" -- "$1" 2>/dev/null | grep -qxFf - begun; }

if [ -e armed ]; then
  rm -f begun; note_beginning
fi
came=nobody
if mv -T armed reverting 2>/dev/null; then sync .
elif [ -e reverting ]; then came=$(came_since)
else
  rm -f begun # it was confirmed just now
  [ $called != boot ] || { guard_disarm; guard_tidy; } # the power went before it was armed
  exit 0
fi
rm -f trouble
say "the change of $(head -n1 run) was not confirmed: putting everything back (logged in since this began: $came)"

# Units that were not running stop while their files are still there to say how; together, for 20 s at most.
stopping='' struck=''
while IFS=$tab read -r number active enabled name; do
  [ "$number" ] || break
  struck="$struck $number"
  case $active in active | activating | reloading) ;;
  *) ! systemctl -q is-active "$name" 2>/dev/null || stopping="$stopping $name" ;; esac
  case $enabled in - | not-found | disabled | masked)
    systemctl -q is-enabled "$name" 2>/dev/null || continue
    if [ "$came" != somebody ]; then systemctl -q disable "$name" 2>/dev/null
    else leave "$name starts at boot, as it did not before; somebody has logged in since"; fi ;;
  esac
done <<LIST
$(entries units stop)
LIST
# shellcheck disable=SC2086  # names
if [ "$stopping" ] && [ $called != boot ]; then
  if [ "$came" = somebody ]; then leave "${stopping# }: runs, as it did not before; somebody has logged in since"
  else timeout 20 systemctl stop $stopping 2>/dev/null; fi
fi
for number in $struck; do strike stop "$number"; done

# PATH: it was not there before and goes, but for what may be somebody's by now.
take_away() {
  is_there "$1" || return 0
  if [ "$came" = somebody ] || { [ "$came" = unknown ] && has_changed "$1"; }; then
    is_ours "$1" || leave "$1: was not there before; somebody has logged in since, so it stays"
  elif is_folder "$1" && ! is_ours "$1"; then
    rmdir -- "$1" 2>/dev/null || leave "$1: was not there before; there is something in it, so it stays"
  else
    rm -rf --one-file-system -- "$1" && sync "${1%/*}" || { fault "$1: could not be removed"; return 1; }
  fi
}

# COPY PATH: its own rename strikes it off.
put_back() {
  is_there "$1" || return 0 # it was put back before the power went
  if [ "$came" != nobody ] && has_changed "$2"; then
    leave "$2: changed since the revert began, so it stays; the old one is $1"; return 0
  fi
  if is_folder "$2"; then
    if is_ours "$2"; then rm -rf --one-file-system -- "$2"
    elif is_folder "$1"; then # what others have put there meanwhile stays
      if cp -al --remove-destination -- "$1/." "$2/"; then rm -rf --one-file-system -- "$1"
      else fault "$2: could not be put back"; return 1; fi
      return 0
    else
      rmdir -- "$2" 2>/dev/null || { leave "$2: a folder with something in it; the old one is $1"; return 0; }
    fi
  elif is_folder "$1"; then rm -f -- "$2"; fi
  mv -fT -- "$1" "$2" || { fault "$2: could not be put back"; return 1; }
}

# FOLDER of a new account: what /etc/skel put there goes, and rmdir enters no folder with anything else in it.
# A home that stays is root's once its account is gone: its number may be somebody else's one day.
take_home() {
  is_folder "$1" || return 0
  owner=$(stat -c %u -- "$1")
  if [ "$owner" != 0 ] && awk -F: -v uid="$owner" '$3 == uid { found = 1 } END { exit !found }' /etc/passwd; then
    leave "$1: was not there before; an account has it by now"; return 0
  fi
  chown root:root "$1"; chmod 700 "$1"
  if [ "$came" != somebody ] && diff -r --no-dereference /etc/skel "$1" >/dev/null 2>&1; then
    (cd /etc/skel && find . ! -type d -print0) | (cd "$1" && xargs -0r rm -f --)
    find "$1" -xdev -depth -type d -exec rmdir -- {} + 2>/dev/null
  fi
  [ ! -e "$1" ] || leave "$1: the home of a new account that was undone; it stays, and is root's"
}

# PATH MODE USER GROUP
set_mode_back() {
  if [ "$came" != nobody ] && has_changed_mode "$1"; then
    leave "$1: its mode or owner changed since the revert began, so it stays"; return 0
  fi
  chown "$3:$4" "$1" && chmod "$2" "$1" || { fault "$1: its mode could not be put back"; return 1; }
}

# Folders that are gone, from the root down; then what was in them; then modes, and folders that are new.
while IFS=$tab read -r number mode user group path; do
  [ "$number" ] || break
  [ -d "$path" ] || mkdir -m 700 -- "$path" || fault "$path: could not be made again"
done <<LIST
$(entries parents parents)
LIST
while IFS=$tab read -r number copy path; do
  [ "$number" ] || break
  if [ "$copy" = - ]; then take_away "$path"; else put_back "$copy" "$path"; fi && strike paths "$number"
done <<LIST
$(entries paths paths)
LIST
while IFS=$tab read -r number path; do
  [ "$number" ] || break
  take_home "$path"; strike homes "$number"
done <<LIST
$(entries homes homes)
LIST
for list in parents permissions; do
  while IFS=$tab read -r number mode user group path; do
    [ "$number" ] || break
    [ ! -e "$path" ] || set_mode_back "$path" "$mode" "$user" "$group" && strike $list "$number"
  done <<LIST
$(entries $list $list)
LIST
done
while IFS=$tab read -r number path; do
  [ "$number" ] || break
  [ "$came" = somebody ] || rmdir --ignore-fail-on-non-empty -- "$path" 2>/dev/null
  strike folders "$number"
done <<LIST
$(entries folders folders)
LIST
systemctl daemon-reload
while IFS=$tab read -r number active enabled name; do
  [ "$number" ] || break
  case $enabled in
  enabled) systemctl -q is-enabled "$name" 2>/dev/null || systemctl -q enable "$name" ||
    { fault "$name: not enabled"; continue; } ;;
  masked) systemctl -q mask "$name" 2>/dev/null ;;
  esac
  strike enable "$number"
done <<LIST
$(entries units enable)
LIST
sync -f /etc; sync -f .

# Whether sshd greets; the address and port are the configuration's own.
greets() {
  where=$(sshd -T 2>/dev/null | sed -n 's/^listenaddress //p' | sed -n 1p | tr -d '[]')
  address=${where%:*} port=${where##*:}
  case $address in '' | 0.0.0.0) address=127.0.0.1 ;; ::) address=::1 ;; esac
  # shellcheck disable=SC2016  # for the inner shell
  timeout 3 bash -c 'exec 3<>"/dev/tcp/$0/$1" && head -c4 <&3' "$address" "${port:-22}" 2>/dev/null |
    grep -q SSH-
}

# FAMILY: routes that are gone or lead elsewhere. One whose interface is down went with that.
put_back_routes() {
  now=$(routes "$1")
  while IFS= read -r route; do
    case "
$now
" in *"
$route
"*) continue ;; esac
    device=${route#* dev }; device=${device%% *}
    [ "$(cat "/sys/class/net/$device/carrier" 2>/dev/null)" = 1 ] || continue
    # shellcheck disable=SC2086  # its words
    ip -"$1" route replace $route || fault "the route '$route' could not be put back"
  done < "routes.$1"
}
put_back_rules() {
  ! command -v nft >/dev/null || [ ! -e todo/rules.1 ] ||
    { echo 'table inet rempart'; echo 'delete table inet rempart'; cat nft 2>/dev/null; } | nft -f -
}

# Restarts what was running, all at once: a unit that takes its time keeps none of the others down.
restart_units() {
  slow='' failed='' jobs=''
  while IFS=$tab read -r number active enabled name; do
    [ "$number" ] || break
    case $active:$name in *:"$behind") continue ;; active:* | activating:* | reloading:*) ;; *) continue ;; esac
    systemctl reset-failed "$name" 2>/dev/null
    timeout 20 systemctl restart "$name" < /dev/null 8<&- &
    jobs="$jobs $!:$number:$name"
  done <<LIST
$(entries units start)
LIST
  for job in $jobs; do
    name=${job#*:*:} number=${job#*:}
    wait "${job%%:*}"
    case $? in
    # While files are missing it may have to start once more.
    0) [ "$trouble" ] || strike start "${number%%:*}" ;;
    124) slow="$slow $name"; note "$name: not up after 20 s; the host waits for it" ;;
    *) failed="$failed $name" ;;
    esac
  done
}

# A unit that fails, or is not up after another 60 s, is named and holds up no revert: systemd goes on with
# its start, and its files are as before.
wait_for_units() {
  waited=0
  for name in $slow; do
    while [ $waited -lt 60 ]; do
      case $(systemctl is-active "$name") in *ing) sleep 1; waited=$((waited + 1)) ;; *) break ;; esac
    done
    case $(systemctl is-active "$name") in active | inactive) ;; *) failed="$failed $name" ;; esac
  done
  for name in $failed; do
    systemctl -q is-active "$name" || leave "$name: does not start again"
  done
}

if [ $called != boot ]; then
  while IFS=$tab read -r number setting; do
    [ "$number" ] || break
    case $setting in */*) # an interface, which may have gone
      [ -e "/proc/sys/${setting%=*}" ] || { strike sysctls "$number"; continue; } ;;
    esac
    if sysctl -q -w "$setting"; then strike sysctls "$number"; else fault "$setting: could not be put back"; fi
  done <<LIST
$(entries sysctls sysctls)
LIST
  if [ -e todo/routes.1 ]; then
    for each in 4 6; do put_back_routes $each; done
    [ "$trouble" ] || strike routes 1
  fi
  put_back_rules # at once, and again when its unit has loaded its own
  # Behind an active socket the service must be down; the next login starts it, so the socket ends
  # first: it would not start again with the service up.
  behind=
  if grep -q "^active.*${tab}ssh.socket$" units; then
    behind=ssh.service; timeout 20 systemctl stop ssh.socket $behind
    systemctl reset-failed $behind 2>/dev/null
  fi
  restart_units
  if put_back_rules; then strike rules 1; else fault "the firewall's rules could not be put back"; fi
  for pause in 1 1 2 2 4 end; do
    greets && break
    [ $pause != end ] || { fault "sshd does not greet"; break; }
    sleep $pause; systemctl reset-failed ssh.service 2>/dev/null
    systemctl -q is-active ssh.socket || timeout 20 systemctl restart ssh.service
  done
  wait_for_units
fi
[ ! "$trouble" ] || { say "NOT everything could be put back, see above"; exit 1; }
if [ -s left ]; then say "everything else is as before the change of $(head -n1 run)"
else say "everything is as before the change of $(head -n1 run)"; fi
mv -T reverting reverted; guard_disarm; guard_tidy; sync .; lock_free "$(head -n1 run)"
exit 0
