# sshd's own check of its whole configuration, as it would be with $CANDIDATE in $TARGET's place. In
# front stand: automation and technicians (logins), group (who may log in). Exits with 1 and says why.
# shellcheck disable=SC2154  # those, and the two of write_file
main=/etc/ssh/sshd_config
[ -d /run/sshd ] || mkdir -m 755 /run/sshd
full=$(mktemp)
trap 'rm -f "$full" "$full".*' EXIT
refuse() { printf '%s\n' "$*" >&2; exit 1; }

# Every drop-in in sshd's order: with the candidate, without what this run gives up.
each_drop_in() {
  printf '%s\n' /etc/ssh/sshd_config.d/*.conf "$TARGET" | LC_ALL=C sort -u |
    grep -vxF -e "${GIVEN_UP-}" | while IFS= read -r file; do
    if [ "$file" = "$TARGET" ]; then echo "$CANDIDATE"; elif [ -e "$file" ]; then echo "$file"; fi
  done
}
DROP_INS=$(each_drop_in | sed 's/^/Include /') awk '
  tolower($1) == "include" && $2 ~ "^\"?/etc/ssh/sshd_config[.]d/[*][.]conf\"?$" {
    print ENVIRON["DROP_INS"]; found = 1; next }
  { print } END { exit !found }' $main > "$full" ||
  refuse "$main does not include sshd_config.d; put the stock Include line back"
sshd -t -f "$full"

# Our Match hides a line above the Include that wins over ours, but covers few keywords: without it,
# ours in its place must come to the same as ours at the top.
sed '/^Match /,$d' "$CANDIDATE" > "$full.ours"
sed "s,^Include $CANDIDATE\$,Include $full.ours," "$full" > "$full.placed"
cat "$full.ours" "$full.placed" > "$full.top"
sshd -T -f "$full.placed" > "$full.said"
beaten=$(sshd -T -f "$full.top" | grep -vxF -f "$full.said" | sed "s/.*/'&'/" | paste -sd ' ')
[ -z "$beaten" ] || refuse "sshd would not say $beaten: a line above the Include of sshd_config.d wins"
sshd -T -f "$full" > "$full.said"
[ "$(grep '^allowgroups ' "$full.said")" = "allowgroups $group" ] || {
  echo 'AllowGroups is set elsewhere too, and adds up; remove it there:' >&2
  grep -il '^[[:space:]]*AllowGroups' $main /etc/ssh/sshd_config.d/*.conf | grep -vxF "$TARGET" >&2
  exit 1
}

# Whoever a Match above ours is about, it beats us there: of several the first counts.
ours=$(sed -n 's/^ *\([A-Za-z]\{1,\}\) .*/\1/p' "$CANDIDATE" | grep -vx Match | tr '[:upper:]' '[:lower:]')
{
  sed "/^[[:space:]]*[Ii]nclude.*sshd_config[.]d/,\$d" $main | sed "s,^,$main: ,"
  each_drop_in | while IFS= read -r file; do
    [ "$file" != "$CANDIDATE" ] || break
    sed "s,^,$file: ," "$file"
  done
} > "$full.above"
beaten=$(OURS=$ours awk '
  BEGIN { n = split(ENVIRON["OURS"], names, "\n"); for (i = 1; i <= n; i++) ours[names[i]] = 1 }
  $1 != file { file = $1; inside = 0 }
  { line = substr($0, length($1) + 1); sub(/^[ \t]+/, "", line); split(line, words, /[ \t="]+/) }
  tolower(words[1]) == "match" { inside = 1; match_line = line; next }
  inside && (tolower(words[1]) in ours || tolower(words[1]) == "include") {
    print file " " match_line ": " line; exit }' "$full.above")
[ -z "$beaten" ] ||
  refuse "$beaten: this Match comes before ours and wins; move it below the Include, or to a later file"

# Where this connection comes from: the environment of an ancestor that sudo has not emptied says it.
process=$$ way=
while [ -z "$way" ] && [ "$process" -gt 1 ]; do
  way=$(tr '\0' '\n' < "/proc/$process/environ" | sed -n 's/^SSH_CONNECTION=//p')
  process=$(sed 's/.*) . \([0-9]*\) .*/\1/' "/proc/$process/stat")
done
[ "$way" ] || refuse 'it is not known from which address this connection comes; is sshd behind a proxy?'
# shellcheck disable=SC2086  # its four words
set -- $way
address=$1 there="host=$1,addr=$1,laddr=$3,lport=$4"

# LIST NAME: whether one of sshd's patterns in that list fits the name; networks are not judged here.
is_in() {
  sed -n "s/^$1 //p" "$full.said" > "$full.list"
  while IFS= read -r entry; do
    case $entry in *@*) name=$2@$address ;; *) name=$2 ;; esac
    # shellcheck disable=SC2254  # it is a pattern
    case $name in $entry) return 0 ;; esac
  done < "$full.list"
  return 1
}

# What sshd says of ours to these is what our file alone says; nothing else stands in their way.
pattern="^($(printf '%s\n' "$ours" | sort -u | paste -sd '|')) "
for user in root $automation $technicians; do
  who="$user from $address"
  sshd -T -C "user=$user,$there" -f "$CANDIDATE" | grep -E "$pattern" > "$full.wanted"
  sshd -T -C "user=$user,$there" -f "$full" > "$full.said"
  grep -E "$pattern" "$full.said" | grep -vxF -f "$full.wanted" > "$full.other" || :
  grep -vxF -f "$full.said" "$full.wanted" >> "$full.other" || :
  [ ! -s "$full.other" ] || refuse "sshd would say '$(head -n1 "$full.other")' to $who; a Match wins"
  [ "$user" != root ] || continue
  other=$(grep -E '^(forcecommand|chrootdirectory) ' "$full.said" | grep -v ' none$' | head -n1) || :
  [ -z "$other" ] || refuse "sshd would say '$other' to $who; take her out of that Match"
  ! is_in denyusers "$user" || refuse "DenyUsers keeps $who out; take her out of it"
  ! grep -q '^allowusers ' "$full.said" || is_in allowusers "$user" ||
    refuse "AllowUsers keeps $who out; remove it: only members of $group get in anyway"
  for member_of in $group $(id -nG "$user" 2>/dev/null); do
    ! is_in denygroups "$member_of" || refuse "DenyGroups keeps $who out; take $member_of out of it"
  done
done
