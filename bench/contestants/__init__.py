"""Who runs: one module each, whose ``prepare(field)`` writes its files and returns a Contestant."""

from bench.contestants import ansible, openssh, pyinfra, rempart

PREPARE = {
    "rempart": rempart.prepare,
    "openssh_fat": openssh.prepare,
    "pyinfra": pyinfra.prepare,
    "ansible": ansible.prepare,
}
"""By name, in the order in which they run in each round."""
