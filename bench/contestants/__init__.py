"""Who runs: one module each, whose ``prepare(field)`` writes its files and returns a Contestant."""

from bench.contestants import ansible, openssh, pyinfra, rempart

PREPARE = (rempart.prepare, openssh.prepare, pyinfra.prepare, ansible.prepare)
"""In the order in which they run in each round."""
