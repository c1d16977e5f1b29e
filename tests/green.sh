#!/usr/bin/env bash
# Notes the trees that passed the gate: `green.sh tree` prints the tree that is about to be tested, or
# nothing where something is uncommitted; `green.sh note TREE [FILE]` notes it, if it still is the tree.
set -euo pipefail
cd "$(dirname "$0")/.."

tree() {
  [ -n "$(git status --porcelain 2>&1)" ] || git rev-parse 'HEAD^{tree}'
}

case $1 in
  tree) tree ;;
  note)
    if [ -z "$2" ] || [ "$(tree)" != "$2" ]; then
      echo 'green, and not noted: something is uncommitted, or changed meanwhile'
    else
      file=${3:-$(git rev-parse --git-common-dir)/green}
      echo "$2 $(git rev-parse HEAD) $(date -u +%Y-%m-%dT%H:%M:%SZ)" >> "$file"
      echo "green, and noted in $file"
    fi
    ;;
esac
