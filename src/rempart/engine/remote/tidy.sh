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

# Every object that the guard has a copy of, or knows to be new, and every mode that it keeps, a line each.
objects() {
  cut -f2 $guard/paths | tr '\n' '\0' | find -files0-from - -xdev -printf "$object" 2>/dev/null || :
  cut -f4 $guard/parents $guard/permissions | xargs -r -d '\n' stat -c "$mode_of" -- 2>/dev/null || :
}
object='%p\t%y %i %s %m %U %G %T@ %C@ %l\n'
mode_of='mode:%n	%a %u %g'

# Takes both triggers away. The files are what they are to stay before this is called.
guard_disarm() {
  systemctl stop $unit.timer 2>/dev/null || :
  systemctl reset-failed $unit.service 2>/dev/null || :
  rm -f $boot_unit $boot_wants/$unit-boot.service
  rmdir --ignore-fail-on-non-empty $boot_wants 2>/dev/null || :
  sync -f /etc
  systemctl daemon-reload || :
}

# Of the guard only the run's name and its outcome stay: no copies of old files, no scripts. What a revert
# left as it is stays listed, and so do the copies that did not go back, until guard_open.
guard_tidy() {
  kept='run confirmed reverted'
  if [ -s $guard/left ]; then kept="$kept left old paths"
  elif [ -e $guard/paths ]; then
    cut -f1 $guard/paths | while IFS= read -r copy; do
      case $copy in */.rempart-guard.*) rm -rf -- "$copy" ;; esac
    done
  fi
  for each in $guard/*; do
    case " $kept " in *" ${each##*/} "*) ;; *) rm -rf -- "$each" ;; esac
  done
}
