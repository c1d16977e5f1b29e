#!/bin/sh
# Runs a container, and again when it reboots: supervise.sh GROUP NAMESPACE COMMAND…
# With --keep-unit, systemd-nspawn leaves that to whoever runs it and says so by exit status 133
# (EXIT_FORCE_RESTART in systemd's nspawn.c, 252).
group=$1
namespace=$2
shift 2
mkdir -p "$group/supervisor"
echo $$ > "$group/supervisor/cgroup.procs"
while :; do
    # A group of its own each time: the last boot enabled controllers in it, which keeps processes
    # from entering (the no-internal-process rule of cgroup v2).
    mkdir -p "$group/container"
    sh -c 'echo $$ > "$0/container/cgroup.procs" && exec "$@"' "$group" "$@"
    status=$?
    find "$group/container" -depth -type d -exec rmdir {} +
    [ $status -eq 133 ] || exit $status
    # The network namespace outlives a reboot inside; a kernel's firewall rules would not.
    nsenter --net="/run/netns/$namespace" nft flush ruleset
done
