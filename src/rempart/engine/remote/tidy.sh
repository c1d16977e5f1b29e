# What both halves of the guard need: where it keeps things, and how it leaves without a trace.
guard=/var/lib/rempart/guard
unit=rempart-guard
boot_unit=/etc/systemd/system/$unit-boot.service
boot_wants=/etc/systemd/system/sysinit.target.wants

# FAMILY: the host's routes, one a line, in the order in which they can be made: what needs no gateway
# comes first. What changes by itself is left out.
routes() {
  ip -o -"$1" route show table main 2>/dev/null |
    awk '{ gsub(/\\| linkdown| dead| expires [^ ]+/, "") }
      / via / { later = later $0 "\n"; next } { print } END { printf "%s", later }'
}

# Takes both triggers away. The files are what they are to stay before this is called.
guard_disarm() {
  systemctl stop $unit.timer 2>/dev/null || :
  systemctl reset-failed $unit.service 2>/dev/null || :
  rm -f $boot_unit $boot_wants/$unit-boot.service
  rmdir --ignore-fail-on-non-empty $boot_wants 2>/dev/null || :
  sync -f /etc
  systemctl daemon-reload || :
}

# Of the guard only the run's name and its outcome stay: no copies of old files, no scripts.
guard_tidy() {
  if [ -e $guard/paths ]; then
    cut -f1 $guard/paths | while IFS= read -r copy; do
      case $copy in */.rempart-guard.*) rm -rf -- "$copy" ;; esac
    done
  fi
  for each in $guard/*; do
    case ${each##*/} in run | confirmed | reverted) ;; *) rm -rf -- "$each" ;; esac
  done
}
