# The lock of a run: one controller at a time changes this host, from its first command to its last.
# The record says whose it is; the flock says that one of its commands runs at this moment, with or
# without its controller. A run that is silent for its lease is over, however it ended. Times are
# seconds since boot, because wall clocks jump; a reboot empties /run.
lock=/run/rempart/lock

# BUSY is not empty while a command holds the flock. Sets what the record says, now, left, and phase:
# free, busy, live (may go on) or stale (silent for too long).
lock_read() {
  holder=none owner='' process='' taken=0 heard=0 lease=0
  [ ! -s $lock ] || IFS='	' read -r holder owner process taken heard lease < $lock || :
  : "${taken:=0}" "${heard:=0}" "${lease:=0}"
  read -r now _ < /proc/uptime; now=${now%.*}; left=$((heard + lease - now))
  if [ -n "$1" ]; then phase=busy
  elif [ "$lease" = 0 ]; then phase=free
  elif [ $left -gt 0 ]; then phase=live
  else phase=stale; fi
}

lock_write() {
  printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$holder" "$owner" "$process" "$taken" "$now" "$lease" > $lock
}

lapse() { if [ "$1" -lt 120 ]; then echo "$1 s"; else echo "$(($1 / 60)) min"; fi; }

# Who is at work, or was, for people, and what to do.
lock_words() {
  last="last heard $(lapse $((now - heard))) ago" what=''
  case $phase in
  busy) last="a command of it runs now, process $process" what='; wait for it' ;;
  live) what="; wait, or try again in $(lapse $left): its lock ends by itself" ;;
  esac
  printf '%s' "$owner has been at work on this host for $(lapse $((now - taken))) (run $holder, $last)$what"
}

# RUN OWNER LEASE SEEN: what follows is a command of that run. SEEN is the last run and its phase as
# they were when this run looked at the host: what it decided is void once another one was here.
lock_hold() {
  exec 7>> $lock; flock -w 3 7 && busy='' || busy=yes
  lock_read "$busy"
  if [ "$holder $phase" != "$1 live" ] && [ "$holder $phase" != "$1 stale" ]; then
    case $phase in busy | live) fail "$(lock_words)" ;; esac
    [ "$holder $phase" = "$4" ] ||
      fail "another run, or a restart, came since this run looked at the host; look and try again"
    [ $phase != stale ] || logger -t rempart "run $1 by $2 takes over: $(lock_words)"
    taken=$now
  fi
  holder=$1 owner=$2 lease=$3 process=$$; lock_write
  trap lock_end EXIT; trap '' HUP
}

# A command that failed was its run's last.
lock_end() {
  [ $? = 0 ] || lease=0
  read -r now _ < /proc/uptime; now=${now%.*}; lock_write
}

# RUN: it is over, if it still had the lock.
lock_free() {
  [ -s $lock ] || return 0
  exec 7>> $lock
  if flock -w 1 7 && lock_read '' && [ "$holder" = "$1" ]; then lease=0; lock_write; fi
  exec 7>&-
}

# WHEN: for the observation, which never waits and keeps nobody waiting.
probe_lock() {
  busy=''; [ ! -s $lock ] || flock -n -s $lock true || busy=yes
  lock_read "$busy"; words=''; [ $phase = free ] || words=$(lock_words)
  printf 'lock\t%s\t%s\t%s\t%s\n' "$1" "$holder" "$phase" "$words"
}
