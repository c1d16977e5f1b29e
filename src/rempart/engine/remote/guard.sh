# Functions of the guard on the managed host. One run: open, stage every risky change, switch
# (bundle, arm, change), then either confirm over a NEW connection or the host reverts itself.
# guard/armed is renamed exactly once: to confirmed by the operator, or to reverting by the host.
guard=$state/guard
unit=rempart-guard
boot_unit=/etc/systemd/system/$unit-boot.service

# RUN OWNER: refuses while another run is at work here.
guard_open() {
  for name in armed reverting; do
    [ ! -e $guard/$name ] || fail "a guard is armed already by $(cat $guard/run); wait for it"
  done
  if [ -e $guard/run ] && [ "$(head -n1 $guard/run)" != "$1" ] &&
    [ -n "$(find $guard/run -mmin -10)" ]; then
    fail "another run is at work on this host: $(cat $guard/run); wait for it"
  fi
  rm -rf $guard; mkdir -m 700 $guard $guard/stage
  printf '%s\n%s\n' "$1" "$2" > $guard/run
}

# RUN INDEX TOUCHED…; the change's script in base64 on stdin. Nothing on the host changes yet.
guard_stage() {
  [ "$(head -n1 $guard/run 2>/dev/null)" = "$1" ] || fail "no guard is open for this change"
  base64 -d > "$guard/stage/$2.new"; mv -T "$guard/stage/$2.new" "$guard/stage/$2"
  shift 2; printf '%s\n' "$@" >> $guard/touched
}

# Where a path's copy waits: on the path's own filesystem, so that putting it back is one rename.
shelter() { # PATH NUMBER
  parent=${1%/*}; while [ ! -d "$parent" ]; do parent=${parent%/*}; done
  if [ "$(stat -c %d "${parent:-/}")" = "$(stat -c %d $guard)" ]; then echo "$guard/old/$2"
  else echo "${parent:-}/.rempart-guard.$2"; fi
}

keep_path() { # PATH NUMBER
  if [ -e "$1" ] || [ -L "$1" ]; then
    copy=$(shelter "$1" "$2"); cp -a -- "$1" "$copy"; sync "$copy" 2>/dev/null || :
    printf '%s\t%s\n' "$copy" "$1" >> $guard/paths
  else printf -- '-\t%s\n' "$1" >> $guard/paths; fi
  keep_directories "${1%/*}"
}

keep_directories() { # PATH: modes and owners from here up to the root
  parent=$1
  while [ -n "$parent" ]; do
    if [ -d "$parent" ]; then stat -c '%a	%u	%g	%n' -- "$parent" >> $guard/parents
    else printf -- '-\t-\t-\t%s\n' "$parent" >> $guard/parents; fi
    parent=${parent%/*}
  done
}

keep_unit() { # UNIT
  printf '%s\t%s\t%s\n' "$(systemctl is-active "$1" 2>/dev/null || :)" \
    "$(systemctl is-enabled "$1" 2>/dev/null || :)" "$1" >> $guard/units
}

# Everything that the staged changes touch, complete before anything changes.
guard_bundle() {
  mkdir -p $guard/old; rm -f $guard/paths $guard/parents $guard/units $guard/sysctls
  : > $guard/paths; : > $guard/parents; : > $guard/units; : > $guard/sysctls; number=0
  sort -u $guard/touched > $guard/touched.sorted
  while IFS= read -r touched; do
    number=$((number + 1)); name=${touched#*:}
    case $touched in
    path:*) keep_path "$name" $number ;;
    directory:*) keep_directories "$name" ;;
    unit:*) keep_unit "$name" ;;
    sysctl:*) printf '%s=%s\n' "$name" "$(sysctl -n "$name")" >> $guard/sysctls ;;
    esac
  done < $guard/touched.sorted
  for daemon in ssh.service ssh.socket; do keep_unit $daemon; done
  if command -v nft >/dev/null && nft list table inet rempart > $guard/nft.new 2>/dev/null
  then mv -T $guard/nft.new $guard/nft; else rm -f $guard/nft.new; fi
}

# WINDOW NONCE: from here on the host puts itself back unless it is told the nonce in time.
guard_arm() {
  printf '[Unit]\nDescription=rempart: undo an unconfirmed change\nDefaultDependencies=no\n' > $boot_unit
  printf 'RequiresMountsFor=%s /etc\nAfter=local-fs.target\n' $guard >> $boot_unit
  printf 'Before=sysinit.target systemd-sysctl.service network-pre.target nftables.service' >> $boot_unit
  printf ' rempart-firewall.service ssh.service ssh.socket\nWants=network-pre.target\n' >> $boot_unit
  printf '[Service]\nType=oneshot\nExecStart=/bin/sh %s/revert boot\n' $guard >> $boot_unit
  chmod 644 $boot_unit; wants=/etc/systemd/system/sysinit.target.wants
  [ -d $wants ] || mkdir -m 755 $wants
  ln -sfn $boot_unit $wants/$unit-boot.service
  systemctl stop $unit.timer 2>/dev/null || :
  systemctl reset-failed $unit.service $unit.timer 2>/dev/null || :
  printf '%s\n' "$2" > $guard/ready
  sync -f $guard; sync -f /etc; mv -T $guard/ready $guard/armed; sync $guard
  systemd-run -q --unit=$unit --description='rempart: undo an unconfirmed change' \
    --on-active="$1" --timer-property=AccuracySec=100ms /bin/sh $guard/revert
}

# RUN WINDOW NONCE; the revert script in base64 on stdin.
guard_switch() {
  [ "$(head -n1 $guard/run 2>/dev/null)" = "$1" ] || fail "no guard is open for this run"
  [ ! -e $guard/armed ] || fail "a guard is armed already"
  trap 'fail "the guard could not be armed; nothing was changed"' EXIT
  base64 -d > $guard/revert
  guard_bundle
  trap 'sh $guard/revert now; fail "the guard could not be armed; nothing was changed"' EXIT
  guard_arm "$2" "$3"
  trap - EXIT
  exec 9> $guard/lock
  for staged in $guard/stage/*; do
    # The lock keeps a revert from running in the middle of a step; no step may last for ever.
    flock 9; [ -e $guard/armed ] || fail "the host has put everything back: its time was up"
    timeout -k 1 20 sh "$staged" 2> $guard/error 9>&- || {
      tail -c 2000 $guard/error >&2; flock -u 9; sh $guard/revert now
      fail "a change failed; the host has put everything back"
    }
    flock -u 9
  done
  echo switched
}

# NONCE, over a new connection: keeps the changes. The rename decides against a revert at that moment.
guard_confirm() {
  [ "$(cat $guard/armed 2>/dev/null)" = "$1" ] && mv -T $guard/armed $guard/confirmed 2>/dev/null ||
    fail "the host had already put everything back"
  systemctl stop $unit.timer 2>/dev/null || :
  rm -f $boot_unit /etc/systemd/system/sysinit.target.wants/$unit-boot.service
  rmdir --ignore-fail-on-non-empty /etc/systemd/system/sysinit.target.wants 2>/dev/null || :
  cut -f1 $guard/paths | while IFS= read -r copy; do
    case $copy in */.rempart-guard.*) rm -rf -- "$copy" ;; esac
  done
  rm -rf $guard
  echo confirmed
}
