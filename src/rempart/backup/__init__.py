"""Backups: one encrypted restic repository per host and target, into which a host only brings.

Promise: whoever is root on a host, with its key and password, can add to its repository and read
it; he cannot change, take or push out what arrived before. ``docs/backup.md`` has the layers.
"""
