# The dead man's switch: puts a host back as it was before an unconfirmed change. Called by the guard's
# timer, by the early-boot unit ("boot": files only, the daemons have not started) and at once by a
# failed switch ("now"). Safe to run twice and after a power cut in the middle of itself. Nothing in it
# needs room on the disk.
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
if ! mv -T armed reverting 2>/dev/null && [ ! -e reverting ]; then
  [ "$1" != boot ] || { guard_disarm; guard_tidy; } # the power went before it was armed
  exit 0
fi
tab=$(printf '\t'); trouble=
say() { logger -t rempart "$*"; }
# What could not be put back is kept for the operator's next question, if there is room.
fault() { trouble=yes; say "$*"; echo "$*" >&2; { echo "$*" >> trouble; } 2>/dev/null; }
rm -f trouble
say "the change of $(head -n1 run) was not confirmed: putting everything back"

# Units that were not running stop while their files are still there to say how.
while IFS=$tab read -r active enabled name; do
  case $1:$active in boot:* | *:active | *:activating | *:reloading) ;;
  *) timeout 20 systemctl stop "$name" 2>/dev/null ;; esac
  case $enabled in - | not-found | disabled | masked)
    ! systemctl -q is-enabled "$name" 2>/dev/null || systemctl -q disable "$name" 2>/dev/null ;;
  esac
done < units

# Folders that are gone, from the root down; then what was in them; then modes, and folders that are new.
while IFS=$tab read -r mode user group path; do
  [ "$mode" = - ] || [ -d "$path" ] || mkdir -m 700 -- "$path" || fault "$path: could not be made again"
done < parents
while IFS=$tab read -r copy path; do
  if [ "$copy" = - ]; then rm -rf --one-file-system -- "$path" || fault "$path: could not be removed"
  elif [ -e "$copy" ] || [ -L "$copy" ]; then # otherwise it was put back before the power went
    if [ -d "$path" ] && [ ! -L "$path" ] || [ -d "$copy" ]; then rm -rf --one-file-system -- "$path"; fi
    mv -fT -- "$copy" "$path" || fault "$path: could not be put back"
  fi
done < paths
while IFS=$tab read -r mode user group path; do
  [ "$mode" = - ] || { chown "$user:$group" "$path" && chmod "$mode" "$path"; } ||
    fault "$path: its mode could not be put back"
done < parents
while IFS=$tab read -r mode user group path; do
  [ ! -e "$path" ] || { chown "$user:$group" "$path" && chmod "$mode" "$path"; } ||
    fault "$path: its mode could not be put back"
done < permissions
tac parents | while IFS=$tab read -r mode user group path; do
  [ "$mode" != - ] || rmdir --ignore-fail-on-non-empty -- "$path" 2>/dev/null
done
while IFS= read -r setting; do
  case $setting in */*) [ -e "/proc/sys/${setting%=*}" ] || continue ;; esac # its interface has gone
  sysctl -q -w "$setting" || fault "$setting: could not be put back"
done < sysctls
systemctl daemon-reload
while IFS=$tab read -r active enabled name; do
  case $enabled in
  enabled) systemctl -q is-enabled "$name" 2>/dev/null || systemctl -q enable "$name" || fault "$name: not enabled" ;;
  masked) systemctl -q mask "$name" 2>/dev/null ;;
  esac
done < units
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
if [ "$1" != boot ]; then
  for each in 4 6; do put_back_routes $each; done
  # Behind an active socket the service must be down; the next login starts it, so the socket ends
  # first: it would not start again with the service up.
  behind=
  if grep -q "^active.*${tab}ssh.socket$" units; then
    behind=ssh.service; timeout 20 systemctl stop ssh.socket $behind
    systemctl reset-failed $behind 2>/dev/null
  fi
  while IFS=$tab read -r active enabled name; do
    case $active:$name in *:"$behind") continue ;; active:* | activating:* | reloading:*) ;; *) continue ;; esac
    systemctl reset-failed "$name" 2>/dev/null
    timeout 20 systemctl restart "$name" || fault "$name: does not start again"
  done < units
  if command -v nft >/dev/null; then
    { echo 'table inet rempart'; echo 'delete table inet rempart'; cat nft 2>/dev/null; } | nft -f - ||
      fault "the firewall's rules could not be put back"
  fi
  for pause in 1 1 2 2 4 end; do
    greets && break
    [ $pause != end ] || { fault "sshd does not greet"; break; }
    sleep $pause; systemctl reset-failed ssh.service 2>/dev/null
    systemctl -q is-active ssh.socket || timeout 20 systemctl restart ssh.service
  done
fi
[ ! "$trouble" ] || { say "NOT everything could be put back, see above"; exit 1; }
say "everything is as before the change of $(head -n1 run)"
mv -T reverting reverted; guard_disarm; guard_tidy; sync .; lock_free "$(head -n1 run)"
exit 0
