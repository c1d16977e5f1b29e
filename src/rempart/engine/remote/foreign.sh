# Functions of the observation that look for what others have set up on a host.

probe_foreign() {
  probe_firewalls
  probe_jails
  probe_backup_jobs
  # Lines that the package's own sshd_config has not got; which of them count is for others to say.
  for file in /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*.conf; do
    case $file in */00-rempart.conf) ;; *) cat "$file" 2>/dev/null ;; esac
  done | settings | grep -vxF -e "$(settings < /usr/share/openssh/sshd_config 2>/dev/null)" | head -n 200 |
    while IFS= read -r line; do printf 'sshd\t%s\n' "$line"; done
}

settings() { sed 's/^[[:space:]]*//; s/[[:space:]][[:space:]]*/ /g; /^#/d; /^ *$/d'; }

probe_firewalls() {
  set -- ufw.service firewalld.service netfilter-persistent.service
  systemctl show -p Id -p ActiveState -p UnitFileState -- "$@" 2>/dev/null |
    awk -F= '/^Id=/ { id = $2 } /^ActiveState=active/ { on = 1 } /^UnitFileState=enabled/ { on = 1 }
      /^$/ { if (on) print id; on = 0 } END { if (on) print id }' |
    while IFS= read -r unit; do
      case $unit in
      # Debian enables this unit with the package; the switch is elsewhere.
      ufw.service) ! grep -qi '^ENABLED=yes' /etc/ufw/ufw.conf 2>/dev/null || printf 'firewall\tufw\n' ;;
      firewalld.service) printf 'firewall\tfirewalld\n' ;;
      *) ! grep -qs '^-A' /etc/iptables/rules.v4 /etc/iptables/rules.v6 ||
        printf 'firewall\tiptables-persistent\n' ;;
      esac
    done
  # Chains of others through which incoming packets must pass.
  nft -s list ruleset 2>/dev/null | awk '
    /^table / { table = $2 " " $3 } /^\t(chain|set|map) / { hook = 0 }
    /hook input/ { hook = 1; if (/policy drop/) found[table] = 1; next }
    hook && /^\t\t/ { found[table] = 1 }
    END { for (each in found) if (each != "inet rempart" && each !~ / f2b/) print "rules\t" each }'
}

# Whom fail2ban never bans, jail by jail.
probe_jails() {
  systemctl -q is-active fail2ban.service || return 0
  for jail in $(fail2ban-client status 2>/dev/null | sed -n 's/.*Jail list:[[:space:]]*//p' | tr -d ,); do
    printf 'jail\t%s\t%s\n' "$jail" "$(fail2ban-client get "$jail" ignoreip 2>/dev/null |
      sed -n 's/^[|`]- *//p' | tr '\n' ' ')"
  done
}

probe_backup_jobs() {
  word='(^|[^[:alnum:]_.])(borg|borgmatic|restic)([^[:alnum:]_.]|$)'
  grep -lsE "^[^#]*$word" /etc/crontab /etc/cron.d/* /etc/cron.hourly/* /etc/cron.daily/* \
    /etc/cron.weekly/* /etc/cron.monthly/* /var/spool/cron/crontabs/* |
    while IFS= read -r path; do printf 'job\t%s\n' "$path"; done
  grep -lsE "^ExecStart=.*$word" /etc/systemd/system/*.service /lib/systemd/system/*.service |
    while IFS= read -r path; do
      unit=${path##*/}
      for each in "${unit%.service}.timer" "$unit"; do
        [ "$(systemctl is-enabled "$each" 2>/dev/null)" != enabled ] || printf 'job\t%s\n' "$each"
      done
    done
}
