# Functions of the observation. They only read, print "kind<TAB>key<TAB>fields", and never fail.
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
state=/var/lib/rempart

# LIMIT; reads $files and $secrets ("SHA256  PATH" lines) and every file that the manifest names.
probe_files() {
  owned=$(owned_files)
  paths=$(printf '%s\n%s\n' "$files" "$secrets" | cut -c67-; owned_files secret)
  printf '%s\n' "$paths" | sort -u | xargs -r -d '\n' stat -c 'file	%n	%f	%U	%G	%s' -- 2>/dev/null
  # Only regular files are read: a FIFO in the way would block for ever.
  printf '%s\n' "$files" | while IFS= read -r line; do
    path=${line#*  }; [ -f "$path" ] && [ ! -L "$path" ] && printf '%s\n' "$line"
  done | sha256sum -c - 2>/dev/null | while IFS= read -r line; do
    case $line in
    *': OK') printf 'same\t%s\n' "${line%: OK}" ;;
    *': FAILED') send_bytes bytes "${line%: FAILED}" "$1" ;;
    esac
  done
  printf '%s\n' "$secrets" | sha256sum -c - 2>/dev/null | sed -n 's/^\(.*\): OK$/same	\1/p'
  printf '%s\n' "$owned" | while IFS= read -r path; do
    case "
$files
$secrets
" in *"  $path
"*) continue ;; esac
    [ -f "$path" ] && [ ! -L "$path" ] && send_bytes bytes "$path" "$1"
  done
}

# [secret]: the files that the manifest names, without the secret ones, or all.
owned_files() {
  awk -v all="${1-}" -F'"' '/^  "file:/ { path = substr($2, 6) }
    /^   "secret": true/ { if (!all) path = "" }
    /^  }/ { if (path) print path; path = "" }' $state/manifest.json 2>/dev/null
}

# KIND PATH LIMIT: the file's bytes in base64, or "-" where it is too large to show.
send_bytes() {
  if [ "$(stat -c %s -- "$2")" -le "$3" ]; then
    printf '%s\t%s\t%s\n' "$1" "$2" "$(base64 -w0 < "$2")"
  else
    printf '%s\t%s\t-\n' "$1" "$2"
  fi
}

probe_texts() {
  for path; do [ -f "$path" ] && send_bytes text "$path" 65536; done
}

# install|remove NAME…: what apt would do for those that are not as wanted.
probe_apt() {
  verb=$1; shift; todo=
  [ $# -gt 0 ] || return 0
  installed=" $(dpkg-query -W -f '${Package}:${db:Status-Status} ' "$@" 2>/dev/null)"
  for name; do
    case $verb$installed in
    install*" $name:installed "*) ;;
    install* | remove*" $name:installed "*) todo="$todo $name" ;;
    esac
  done
  [ -n "$todo" ] || return 0
  apt-get -s -qq -o Debug::NoLocking=1 --no-install-recommends "$verb" $todo 2>/dev/null |
    sed -n 's/^Inst \([^ ]*\) .*(\([^ ]*\) .*/inst	\1	\2/p; s/^Remv \([^ ]*\) .*/remv	\1/p'
}

probe_units() {
  systemctl show -p Id -p LoadState -p ActiveState -p UnitFileState -- "$@" 2>/dev/null | awk -F= '
    /^Id=/ { id = $2 } /^LoadState=/ { load = $2 } /^ActiveState=/ { active = $2 }
    /^UnitFileState=/ { file = $2 }
    /^$/ { if (id) print "unit\t" id "\t" load "\t" active "\t" file; id = load = active = file = "" }
    END { if (id) print "unit\t" id "\t" load "\t" active "\t" file }'
  for marker in /run/rempart/pending/*; do
    [ -e "$marker" ] && printf 'pending\t%s\n' "${marker##*/}"
  done
}

# LOGIN…: whose their home folders are.
probe_homes() {
  for login; do printf '/home/%s\n' "$login"; done |
    xargs -r -d '\n' stat -c 'home	%n	%U	%a' -- 2>/dev/null
}

# LOGIN…: what is still there of those who have left, but for account and home.
probe_residues() {
  for login; do
    uid=$(id -u "$login" 2>/dev/null) || continue
    what=
    ! pgrep -U "$uid" >/dev/null || what="$what,running processes"
    [ ! -e "/var/spool/cron/crontabs/$login" ] || what="$what,crontab"
    [ -z "$(find /var/spool/cron/atjobs -type f -uid "$uid" 2>/dev/null)" ] || what="$what,at jobs"
    [ ! -e "/var/lib/systemd/linger/$login" ] || what="$what,lingering"
    printf 'residue\t%s\t%s\n' "$login" "${what#,}"
  done
}

# Accounts of people, uid 1000 and above but for nobody, and when they expire.
probe_roster() {
  printf 'roster\taccounts\tasked\n'
  getent passwd | awk -F: '$3 >= 1000 && $3 != 65534 { print $1 }' | xargs -r -d '\n' getent shadow -- |
    awk -F: '{ print "account\t" $1 "\t" $8 }'
}

# One process: the shell reads byte by byte, and /proc/sys answers the first read only. No sysctl: where
# it is not installed, every setting would look as if the kernel lacked it.
probe_sysctls() {
  awk 'BEGIN { for (i = 1; i < ARGC; i++) {
    path = "/proc/sys/" ARGV[i]; gsub(/[.]/, "/", path); value = ""
    if ((getline value < path) < 0) value = "absent"
    print "sysctl\t" ARGV[i] "\t" value } }' "$@"
}

# SETTING…, such as net.ipv4.conf.*.rp_filter: what each interface has. And which interfaces others look
# after, with what they have there of what stays.
probe_interfaces() {
  for setting; do
    shift; folder=/proc/sys/$(printf '%s' "${setting%%.\**}" | tr . /)
    set -- "$@" "$folder"/*/"${setting##*.}"
  done
  awk 'BEGIN { for (i = 1; i < ARGC; i++) {
    split(ARGV[i], part, "/"); key = part[4] "." part[5] "." part[6] ".*." part[8]
    if (key != last) printf "%sinterfaces\t%s", last == "" ? "" : "\n", key
    last = key
    if (part[7] != "all" && (getline value < ARGV[i]) > 0) printf "\t%s=%s", part[7], value
    close(ARGV[i])
  } print "" }' "$@"
  for device in /sys/class/net/*; do
    owner=$(owner_of "${device##*/}"); conf=/proc/sys/net/ipv4/conf/${device##*/}
    [ -z "$owner" ] || printf 'owned\t%s\t%s\t%s\t%s\n' "${device##*/}" "$owner" \
      "$(cat "$conf/rp_filter" 2>/dev/null)" "$(cat "$conf/forwarding" 2>/dev/null)"
  done
}

# NAME: who looks after an interface, if not the host itself: its type of if_arp.h is Ethernet, InfiniBand or
# loopback, and no program is its cable.
owner_of() {
  device=/sys/class/net/$1 type=
  read -r type 2>/dev/null < "$device/type"
  case $type in '' | 1 | 32 | 772) ;; *) echo 'a tunnel'; return ;; esac
  if [ -e "$device/tun_flags" ]; then echo 'a tunnel or virtual machine'; return; fi
  case $1 in
  docker0 | docker_gwbridge | br-????????????) if [ -d "$device/bridge" ]; then echo Docker; fi ;;
  virbr*) if [ -d "$device/bridge" ]; then echo libvirt; fi ;;
  *) if [ -e "$device/master" ]; then owner_of "$(basename "$(readlink "$device/master")")"; fi ;;
  esac
}

# Neighbours that arp_ignore 2 answers no more: in no network of their interface (inet_confirm_addr() in the
# kernel's devinet.c), or in none together with an address that stands alone there (/32, or with a peer).
# Interfaces without ARP have no such neighbours.
probe_strangers() {
  { ip -o link show; ip -o -4 address show; ip -o -4 route show table all type unicast; } 2>/dev/null | awk '
    function number(text, part) {
      split(text, part, "."); return ((part[1] * 256 + part[2]) * 256 + part[3]) * 256 + part[4]
    }
    function bits(text, part) { return split(text, part, "/") == 2 ? part[2] : 32 }
    # Whether one network of the interface has NEIGHBOUR (an address or a network) in it, and OWN.
    function near(device, neighbour, own, each, size, base) {
      for (each = 1; each <= count[device]; each++) {
        size = 2 ^ (32 - bits(network[device, each])); base = int(number(network[device, each]) / size)
        if (bits(neighbour) >= bits(network[device, each]) && int(number(neighbour) / size) == base &&
          (own == "" || int(number(own) / size) == base)) return 1
      }
      return 0
    }
    function look(device, neighbour, each, found) {
      if (device in deaf) return
      found = near(device, neighbour, "")
      for (each = 1; each <= alone[device]; each++)
        if (bits(neighbour) == 32 && !near(device, neighbour, lonely[device, each])) found = 0
      if (!found) print "stranger\t" neighbour " on " device
    }
    $3 ~ /^</ { device = $2; sub(/(@.*)?:$/, "", device); if ($3 ~ /LOOPBACK|NOARP/) deaf[device] = 1; next }
    $3 == "inet" {
      known = 1; peer = $5 == "peer" ? $6 : $4; network[$2, ++count[$2]] = peer
      if (bits(peer) == 32 || $5 == "peer") lonely[$2, ++alone[$2]] = $4
      next
    }
    {
      gateway = ""
      for (each = 1; each < NF; each++) {
        if ($each == "via") gateway = $(each + 1) == "inet6" ? $(each + 2) : $(each + 1)
        if ($each != "dev") continue
        if (gateway != "") look($(each + 1), gateway)
        else if ($1 == "default") look($(each + 1), "0.0.0.0/0")
        else if ($1 !~ /^169[.]254[.]|^22[4-9][.]|^23[0-9][.]/) look($(each + 1), $1)
        gateway = ""
      }
    }
    END { if (!known) print "stranger\tanybody (ip(8) does not say who is near)" }' | sort -u | head -n 20
}

# The manifest, the guard, and the way this very connection came in.
probe_self() {
  [ -f $state/manifest.json ] && printf 'manifest\tjson\t%s\n' "$(base64 -w0 < $state/manifest.json)"
  process=$$
  while [ "$process" -gt 1 ]; do
    way=$(tr '\0' '\n' < "/proc/$process/environ" 2>/dev/null | sed -n 's/^SSH_CONNECTION=//p')
    [ -n "$way" ] && { printf 'way\tssh\t%s\n' "$way"; break; }
    process=$(sed 's/.*) . \([0-9]*\) .*/\1/' "/proc/$process/stat" 2>/dev/null) || break
  done
  trigger=gone
  ! systemctl -q is-active rempart-guard.timer rempart-guard.service || trigger=live
  for name in armed reverting; do
    [ -e $state/guard/$name ] &&
      printf 'guard\t%s\t%s\t%s\n' "$name" "$(tail -n1 $state/guard/run)" "$trigger"
  done
  cat $state/guard/trouble $state/guard/left 2>/dev/null | tr '\t' ' ' | head -n 50 | cut -c1-300 |
    awk '{ print "left\t" NR "\t" $0 }'
}
