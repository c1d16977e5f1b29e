"""Verify: what a host really does, against what the policy wants, with eyes of its own.

It reads the policy and asks the machine (``sshd -T``, ``nft -j list ruleset``, ``ss``, apt) and the
wire (logins that must be refused, ports that must be closed). It never reads what hardening wants
or what the engine observed: a mistake there must show here.

Promise: what could not be asked, or answered with rubbish, is red and never green.

``suite/`` holds the checks, pytest tests that a pytest process of its own runs against one host
(`run.verify`); ``attempt`` alone opens sockets; the other modules are pure readings.
"""
