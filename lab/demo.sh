#!/usr/bin/env bash
# The main job on real hosts: four stock machines are enrolled, planned, applied, verified, planned.
set -euo pipefail
cd "$(dirname "$0")/.."
inventory=inventories/lab.yaml
hosts=(srv-sftp accueil-1 cabinet-1 archives-1)

rempart() { .venv/bin/rempart "$@"; }
lab() { .venv/bin/python -m lab "$@"; }
step() { printf '\n\033[1m== %s\033[0m\n' "$*"; }

step 'Four stock hosts: passwords and root may log in, no firewall'
lab up
for host in "${hosts[@]}"; do lab reset "$host"; done
rm -rf inventories/known_hosts/lab

step "rempart check $inventory"
rempart check "$inventory"

step "rempart enroll: the first login by password, then never again"
for host in "${hosts[@]}"; do
  lab password "$host" | rempart enroll "$inventory" "$host" --user admin --password-file - \
    --fingerprint "$(lab fingerprint "$host")"
done

step "rempart plan $inventory"
plan=$(mktemp --suffix=.json)
trap 'rm -f "$plan"' EXIT
rempart plan "$inventory" -o "$plan" || [ $? = 2 ]

step "rempart apply: only that plan"
rempart apply "$plan"

step "rempart verify $inventory"
rempart verify "$inventory"

step "rempart plan again: nothing left to change"
rempart plan "$inventory"

cat <<'END'

Look around:     make lab-ssh HOST=accueil-1
As root inside:  .venv/bin/python -m lab exec accueil-1 -- nft list ruleset
Break something: .venv/bin/python -m lab exec accueil-1 -- nft flush ruleset
  and see:       .venv/bin/rempart verify inventories/lab.yaml --host accueil-1
Take it down:    make lab-down
END
