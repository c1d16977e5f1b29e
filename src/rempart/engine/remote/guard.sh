# Functions of the guard on the managed host. One run: open, stage every risky change, switch
# (bundle, arm, change), then either confirm over a NEW connection or the host reverts itself.
# guard/armed is renamed exactly once: to confirmed by the operator, or to reverting by the host.
# shellcheck disable=SC2154  # the variables of lib.sh and tidy.sh

# RUN OWNER, what all changes share on stdin. The lock keeps other runs away; what one of them left
# armed or half put back is refused.
guard_open() {
  if [ -e $guard/armed ] || [ -e $guard/reverting ]; then
    if systemctl -q is-active $unit.timer || systemctl -q is-active $unit.service; then
      fail "a guard is armed already by $(guard_owner); wait for it"
    fi
    # Its controller died before the timer ran, or its revert was killed.
    sh $guard/revert now || fail "an earlier change could not be put back; mend it on the console"
    fail "an unconfirmed change of $(guard_owner) was put back just now; plan again"
  fi
  rm -f $guard/left
  guard_tidy  # copies beside their files, of a run that never came to its end
  rm -rf $guard; mkdir -m 700 $guard $guard/stage
  base64 -d > $guard/lib
  printf '%s\n%s\n' "$1" "$2" > $guard/run
}

guard_owner() { printf '%s, run %s' "$(tail -n1 $guard/run)" "$(head -n1 $guard/run)"; }

# RUN INDEX LABEL TOUCHED…; the change's script in base64 on stdin. Nothing on the host changes yet.
# The caller defines precheck() to refuse here: what fails only later has to be put back.
guard_stage() {
  [ "$(head -n1 $guard/run 2>/dev/null)" = "$1" ] || fail "no guard is open for this change"
  label=$3
  # A run that cannot lay its changes ready is over.
  trap 'rm -rf $guard; printf "%s: refused; nothing guarded was changed\n" "$label" >&2' EXIT
  precheck
  base64 -d > "$guard/stage/$2.new"; mv -T "$guard/stage/$2.new" "$guard/stage/$2"
  shift 3; printf '%s\n' "$@" >> $guard/touched
  trap - EXIT
}

# Where a path's copy waits: on the path's own mount, so that putting it back is one rename.
shelter() { # PATH NUMBER
  parent=${1%/*}; while [ ! -d "$parent" ]; do parent=${parent%/*}; done
  if [ "$(mount_of "${parent:-/}")" = "$mount" ]; then echo "$guard/old/$2"
  else echo "${parent:-}/.rempart-guard.$2"; fi
}

# FOLDER: its device and its mount; a bind mount has the device of what it shows, and is one of its own.
mount_of() {
  stat -L -c %d -- "$1"
  place=$(realpath -- "$1"); place=${place%/}
  while [ -n "$place" ]; do
    case "
$mounts
" in *"
$place
"*) break ;; esac
    place=${place%/*}
  done
  echo "$place"
}

keep_path() { keep_copy "$1"; keep_directories "${1%/*}"; } # PATH

keep_copy() { # PATH
  # A folder that others may write in, and that this run sets right first, is no reason to refuse.
  if grep -qxF "directory:${1%/*}" $guard/touched.sorted; then refuse_foreign "${1%/*}"
  else refuse_foreign "$1"; fi
  number=$((number + 1))
  if [ -e "$1" ] || [ -L "$1" ]; then
    copy=$(shelter "$1" $number)
    # Listed before it is made: a copy that a full disk cuts short is removed too.
    printf '%s\t%s\n' "$copy" "$1" >> $guard/paths; cp -a -- "$1" "$copy"
  else printf -- '-\t%s\n' "$1" >> $guard/paths; fi
}

keep_directories() { # PATH: modes and owners from here up to the root
  parent=$1
  while [ -n "$parent" ]; do
    case $noted in *"
$parent
"*) return 0 ;; esac # and so were those above it
    noted="$noted$parent
"
    if [ -d "$parent" ]; then stat -L -c '%a	%u	%g	%n' -- "$parent" >> $guard/parents
    else printf -- '-\t-\t-\t%s\n' "$parent" >> $guard/parents; fi
    parent=${parent%/*}
  done
}

keep_unit() { # UNIT; a tab is blank space to read, so no field may be empty
  active=$(systemctl is-active "$1" 2>/dev/null || :)
  enabled=$(systemctl is-enabled "$1" 2>/dev/null || :)
  # `ufw enable` loads its rules without the unit, which has to be started to load them again.
  [ "$1 $enabled" != 'ufw.service enabled' ] || active=active
  printf '%s\t%s\t%s\n' "${active:--}" "${enabled:--}" "$1" >> $guard/units
}

keep_interfaces() { # PATTERN, as net/ipv4/conf/*/rp_filter
  for each in /proc/sys/$1; do
    # It may be gone at any moment.
    value=$(cat "$each" 2>/dev/null) || continue
    printf '%s=%s\n' "${each#/proc/sys/}" "$value" >> $guard/sysctls
  done
}

# Everything that the staged changes touch, complete before anything changes.
guard_bundle() {
  mkdir $guard/old $guard/todo
  for each in paths homes parents permissions units sysctls; do : > $guard/$each; done
  number=0 noted='
' mounts=$(cut -d' ' -f5 /proc/self/mountinfo)
  mount=$(mount_of $guard)
  sort -u $guard/touched > $guard/touched.sorted
  while IFS= read -r touched; do
    name=${touched#*:}
    case $touched in
    path:*) for each in "$name" "$state/originals$name" "$state/originals$name.absent"; do
      keep_path "$each"; done ;;
    made:*) if [ ! -e "$name" ] && [ ! -L "$name" ]; then
      refuse_foreign "$name"; keep_directories "${name%/*}"; printf '%s\n' "$name" >> $guard/homes
    fi ;;
    directory:*) keep_directories "$name" ;;
    # A pattern, which the shell completes.
    permission:*) find $name -maxdepth 0 ! -type l -printf '%m\t%U\t%G\t%p\n' >> $guard/permissions 2>/dev/null || : ;;
    unit:*) keep_unit "$name" ;;
    sysctl:*'*'*) keep_interfaces "$name" ;;
    sysctl:*) printf '%s=%s\n' "$name" "$(sysctl -n "$name")" >> $guard/sysctls ;;
    esac
  done < $guard/touched.sorted
  for each in /run/rempart/pending /run/rempart/firewall.sha256; do keep_copy "$each"; done
  for each in ssh.service ssh.socket; do keep_unit $each; done
  for each in 4 6; do routes $each > $guard/routes.$each; done
  sort -u -o $guard/units $guard/units
  sort -t '	' -k4 -u -o $guard/parents $guard/parents
  if command -v nft >/dev/null && nft list table inet rempart > $guard/nft.new 2>/dev/null
  then mv -T $guard/nft.new $guard/nft; else rm -f $guard/nft.new; fi
  guard_marks
  objects > $guard/room; objects >> $guard/room # a revert notes as much, on a full disk too
}

# A mark for every entry, which is empty: the revert takes it away when the entry is done, which needs no room.
guard_marks() {
  sed -n 's/^-\t-\t-\t//p' $guard/parents | sort -r > $guard/folders
  sed -i '/^-\t/d' $guard/parents
  for each in paths homes parents permissions folders sysctls stop:units enable:units start:units; do
    number=0
    while read -r _; do number=$((number + 1)); : > "$guard/todo/${each%:*}.$number"; done < "$guard/${each#*:}"
  done
  : > $guard/todo/routes.1; : > $guard/todo/rules.1
}

# WINDOW NONCE: from here on the host puts itself back unless it is told the nonce in time.
guard_arm() {
  printf '%s\n' "$2" > $guard/ready
  [ -d $boot_wants ] || mkdir -m 755 $boot_wants
  cat > $boot_unit <<UNIT
[Unit]
Description=rempart: undo an unconfirmed change
DefaultDependencies=no
RequiresMountsFor=$guard /etc
After=local-fs.target
Before=sysinit.target systemd-sysctl.service network-pre.target nftables.service
Before=rempart-firewall.service ssh.service ssh.socket
Wants=network-pre.target
[Service]
Type=oneshot
ExecStart=/bin/sh $guard/revert boot
UNIT
  chmod 644 $boot_unit; ln -sfn $boot_unit $boot_wants/$unit-boot.service
  systemctl stop $unit.timer 2>/dev/null || :
  systemctl reset-failed $unit.service $unit.timer 2>/dev/null || :
  # The whole bundle is on the disk before the one name that makes it count.
  sed -n 's,/[.]rempart-guard[.][0-9]*\t.*,,p' $guard/paths | sort -u | xargs -r -d '\n' sync -f
  sync -f $guard; sync -f /etc; mv -T $guard/ready $guard/armed; sync $guard
  # A revert that is killed is started again.
  systemd-run -q --unit=$unit --description='rempart: undo an unconfirmed change' \
    -p Restart=on-abnormal -p RestartSec=2 -p StartLimitIntervalSec=0 \
    --on-active="$1" --timer-property=AccuracySec=100ms /bin/sh $guard/revert timer
}

# RUN WINDOW NONCE; the revert script in base64 on stdin. Once armed it goes on when its connection
# is cut: that may be what a change does.
guard_switch() {
  [ "$(head -n1 $guard/run 2>/dev/null)" = "$1" ] || fail "no guard is open for this run"
  [ ! -e $guard/armed ] || fail "a guard is armed already"
  trap '' HUP PIPE
  trap 'guard_disarm; rm -f $guard/run; guard_tidy; fail "the guard could not be armed; nothing was changed"' EXIT
  base64 -d > $guard/revert
  guard_bundle
  guard_arm "$2" "$3"
  trap - EXIT
  exec 9< $guard
  for staged in $guard/stage/*; do
    # The lock keeps a revert from running in the middle of a step, which holds it too.
    flock 9; [ -e $guard/armed ] || fail "time was up before all changes were made"
    timeout -k 1 20 sh -c '. $1/lib; . "$2"' sh $guard "$staged" > $guard/error 2>&1 || guard_give_up
    flock -u 9
  done
  # The proof is to rest on nothing that this host knew before: permanent entries alone stay.
  ! command -v ip >/dev/null || timeout 5 ip neighbour flush all 2>/dev/null || :
  : > $guard/switched
  echo switched || :
}

guard_give_up() {
  tail -c 2000 $guard/error >&2 || :; flock -u 9
  sh $guard/revert now 9<&- || fail "a change failed and NOT everything could be put back; use the console"
  [ ! -s $guard/left ] || fail "a change failed; NOT everything is put back: $(paste -sd ';' $guard/left); see the journal"
  fail "a change failed; the host has put everything back"
}

# NONCE, over a new connection: keeps the changes. The rename decides against a revert at that
# moment; asked again (the first answer was lost), the answer is the same.
guard_confirm() {
  if [ "$(cat $guard/armed 2>/dev/null)" = "$1" ]; then
    [ -e $guard/switched ] || fail "the host has not made all changes yet"
    mv -T $guard/armed $guard/confirmed 2>/dev/null || :
  fi
  [ "$(cat $guard/confirmed 2>/dev/null)" = "$1" ] || fail "the host had already put everything back"
  sync $guard; guard_disarm; guard_tidy
  echo confirmed
}

# What became of the last run: its name; armed, reverting, reverted or confirmed; what is not as before.
guard_state() {
  head -n1 $guard/run
  for each in armed reverting reverted confirmed; do [ ! -e $guard/$each ] || echo $each; done
  cat $guard/trouble $guard/left 2>/dev/null || :
}
