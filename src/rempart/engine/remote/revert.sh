# The dead man's switch: puts a host back as it was before an unconfirmed change. Called by the guard's
# timer, by the early-boot unit ("boot": files only, the daemons have not started) and at once by a
# failed switch ("now"). Safe to run twice and after a power cut in the middle of itself.
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
guard=/var/lib/rempart/guard
unit=rempart-guard
cd $guard || exit 0
exec 9> $guard/lock; flock 9
mv -T armed reverting 2>/dev/null || [ -e reverting ] || exit 0
say() { logger -t rempart "$*"; echo "$*" >&2; }
say "the change of $(head -n1 run) was not confirmed: putting everything back"
tab=$(printf '\t')

# Units that were not running stop while their files are still there to say how.
if [ "$1" != boot ]; then
  while IFS=$tab read -r active enabled name; do
    [ "$active" = active ] || systemctl stop "$name" 2>/dev/null
  done < units
fi
while IFS=$tab read -r active enabled name; do
  case $enabled in
  enabled) : ;;
  *) systemctl -q is-enabled "$name" 2>/dev/null && systemctl -q disable "$name" 2>/dev/null ;;
  esac
done < units

while IFS=$tab read -r copy path; do
  if [ "$copy" = - ]; then rm -rf --one-file-system -- "$path"
  elif [ -d "$copy" ] && [ ! -L "$copy" ]; then
    rm -rf --one-file-system -- "$path"; mv -fT -- "$copy" "$path"
  elif [ -e "$copy" ] || [ -L "$copy" ]; then mv -fT -- "$copy" "$path"; fi
done < paths
sort -t "$tab" -k4 -r -u parents | while IFS=$tab read -r mode user group path; do
  if [ "$mode" = - ]; then rmdir --ignore-fail-on-non-empty -- "$path" 2>/dev/null
  else chown "$user:$group" "$path"; chmod "$mode" "$path"; fi
done
rm -f /etc/systemd/system/$unit-boot.service /etc/systemd/system/sysinit.target.wants/$unit-boot.service
rmdir --ignore-fail-on-non-empty /etc/systemd/system/sysinit.target.wants 2>/dev/null
while IFS= read -r setting; do sysctl -q -w "$setting"; done < sysctls
systemctl daemon-reload
while IFS=$tab read -r active enabled name; do
  [ "$enabled" = enabled ] && ! systemctl -q is-enabled "$name" 2>/dev/null && systemctl -q enable "$name"
done < units

# Whether sshd greets on its port; restarting it is tried again while it does not.
greets() {
  port=$(sshd -T 2>/dev/null | sed -n 's/^port //p' | head -n1)
  timeout 3 bash -c "exec 3<>/dev/tcp/127.0.0.1/${port:-22} && head -c4 <&3" 2>/dev/null | grep -q SSH-
}
if [ "$1" != boot ]; then
  if command -v nft >/dev/null; then
    { echo 'table inet rempart'; echo 'delete table inet rempart'; cat nft 2>/dev/null; } | nft -f -
  fi
  while IFS=$tab read -r active enabled name; do
    [ "$active" = active ] || continue
    systemctl reset-failed "$name" 2>/dev/null
    [ "$name" = ssh.socket ] && systemctl reset-failed ssh.service 2>/dev/null
    systemctl restart "$name"
  done < units
  for pause in 1 1 2 2 4; do
    greets && break
    sleep $pause; systemctl reset-failed ssh.service 2>/dev/null
    systemctl -q is-active ssh.socket || systemctl restart ssh.service
  done
fi
rm -f /run/rempart/pending/*
say "everything is as before the change of $(head -n1 run)"
mv -T reverting reverted; sync .
[ "$1" != now ] || systemctl stop $unit.timer 2>/dev/null
exit 0
