# Functions of the observation that a release is planned from; they follow those of probe.sh.
# shellcheck disable=SC2154  # the variables of probe.sh

# DROP_IN AUTOMATION; DROP_IN is empty where it stays.
probe_leaving() {
  [ ! -d $state/originals ] || (
    cd $state/originals && find . ! -type d -printf '/%P\n' | while IFS= read -r path; do
      taken=free; path=${path%.absent}
      if [ -e "$path" ] || [ -L "$path" ]; then taken=taken; fi
      kept=absent; if [ -e ".$path" ] || [ -L ".$path" ]; then kept=kept; fi
      printf 'original\t%s\t%s\t%s\n' "$path" $kept $taken
    done
  )
  for each in $state/retired/*; do
    login=${each##*/}
    ! getent passwd "$login" >/dev/null || printf 'retired\t%s\n' "$login"
  done
  probe_brought
  probe_admins "$1" "$2"
}

# What apt brought and took for us, as far as it is still so.
probe_brought() {
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p')
  sort -u $state/brought 2>/dev/null | while IFS= read -r name; do
    ! printf '%s\n' "$installed" | grep -qxF "$name" || printf 'brought\t%s\n' "$name"
  done
  sort -u $state/taken 2>/dev/null | while read -r name mark; do
    printf '%s\n' "$installed" | grep -qxF "$name" || printf 'taken\t%s\t%s\n' "$name" "$mark"
  done
}

# The configuration that sshd will read: without DROP_IN, or with what stood there before.
future_sshd_config() { # DROP_IN
  drop_ins=$(for file in /etc/ssh/sshd_config.d/*.conf; do
    [ "$file" = "$1" ] && file=$state/originals$1
    [ ! -e "$file" ] || printf 'Include %s\n' "$file"
  done)
  DROP_INS=$drop_ins awk 'tolower($1) == "include" && $2 ~ "^\"?/etc/ssh/sshd_config[.]d/[*][.]conf\"?$" {
    print ENVIRON["DROP_INS"]; next } { print }' /etc/ssh/sshd_config
}

# Everybody with a shell who is not expired: whether there is a password, a key that sshd will read,
# the groups, and what sshd will say to them from here.
probe_admins() { # DROP_IN AUTOMATION
  config=$(mktemp); trap 'rm -f "$config"' EXIT
  if [ -n "$1" ]; then future_sshd_config "$1" > "$config"; else cat /etc/ssh/sshd_config > "$config"; fi
  today=$(($(date +%s) / 86400)) from=${way%% *}
  while IFS=: read -r login _ uid _ _ home shell; do
    [ "$uid" = 0 ] || [ "$uid" -ge 1000 ] || continue
    [ "$login" != "$2" ] && [ "$uid" != 65534 ] || continue
    case $shell in */nologin | */false) continue ;; esac
    shadow=$(getent shadow "$login")
    expires=$(printf '%s' "$shadow" | cut -d: -f8)
    [ -z "$expires" ] || [ "$expires" -gt "$today" ] || continue
    case $(printf '%s' "$shadow" | cut -d: -f2) in '$'*) password=yes ;; *) password=no ;; esac
    said=$(sshd -T -f "$config" -C "user=$login,host=$from,addr=$from" 2>/dev/null | grep -E \
      '^(password|kbdinteractive|pubkey)authentication |^(permitrootlogin|authenticationmethods|authorizedkeysfile|(allow|deny)(users|groups)) ')
    key=no
    for file in $(printf '%s\n' "$said" | sed -n 's/^authorizedkeysfile //p'); do
      file=$(printf '%s' "$file" | sed "s,%h,$home,g; s,%u,$login,g")
      case $file in /*) ;; *) file=$home/$file ;; esac
      ! grep -q '^[^#[:space:]]' "$file" 2>/dev/null || key=yes
    done
    printf 'admin\t%s\t%s\t%s\t%s\t%s\n' "$login" $password $key \
      "$(id -nG "$login" | tr ' ' ',')" "$(printf '%s' "$said" | paste -sd ';')"
  done < /etc/passwd
  rm -f "$config"; trap - EXIT
}
