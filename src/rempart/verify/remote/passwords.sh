# What this host's PAM does with passwords: tried on a throwaway account in copies of /etc and of where
# failures are counted, which end with this process. Prints a word per attempt that went as it should.
# Input: a good password, another good one, weak ones.
set -u
read -r first; read -r second
login=rempart-trial
stage=$(mktemp -d) || exit 2
mount -t tmpfs tmpfs "$stage" && cp -a /etc "$stage/etc" && mount --bind "$stage/etc" /etc || exit 2
mkdir -p /run/faillock && mount -t tmpfs tmpfs /run/faillock || exit 2
trap 'umount -l /etc /run/faillock "$stage"; rmdir "$stage"' EXIT
useradd --no-create-home --shell /bin/sh --password '*' $login || exit 2

give() { printf '%s\n%s\n' "$1" "$1" | passwd $login; }
as_user() { runuser -u $login -- sh -c "$1"; }
enter() { printf '%s\n' "$1" | setsid runuser -u nobody -- su $login -c 'echo entered' | grep -qx entered; }
{
  # Each refusal takes PAM its two seconds, of which nobody else need hear.
  while read -r weak; do { give "$weak" || echo "weak refused" >&3; } & done; wait
  give "$first" && echo "good accepted" >&3
  # At a cost that a login waits a second for: 9 is libxcrypt's own, F the largest.
  getent shadow $login | cut -d: -f2 | grep -q '^[$]y[$]j[7-9AB]T[$]' && echo "stored yescrypt" >&3
  printf '%s\n%s\n%s\n' "$first" "$second" "$second" | as_user passwd && echo "renewal accepted" >&3
  current=$second
  if printf '%s\n%s\n%s\n' "$second" "$first" "$first" | as_user passwd; then current=$first
  else echo "reuse refused" >&3; fi
  enter "$current" && echo "right opens" >&3
  for guess in 1 2 3; do enter "wrong$guess" & done; wait
  enter "$current" || echo "guesses lock" >&3
  chage --lastday 0 $login && faillock --user $login --reset
  # root needs no password for su: as with a key, pam_unix did not let this login in.
  su $login -c 'echo entered' < /dev/null | grep -qx entered && echo "no password asked of keys" >&3
} 3>&1 > /dev/null 2>&1
exit 0
