"""Real Debian hosts with systemd on one Linux machine, for tests and for trying things out.

A host is a `systemd-nspawn` container that boots from a stock Debian image, on a copy-on-write
root, in a network namespace of its own. The lab knows nothing of rempart: it makes and breaks
hosts.
"""
