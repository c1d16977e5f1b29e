"""Side-by-side benchmarks on the lab's hosts: rempart, OpenSSH, stock pyinfra, Ansible."""
