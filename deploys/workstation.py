"""What rempart does to a workstation, in this order. `pyinfra inventories/fleet.py deploys/workstation.py`."""

from rempart.engine.deploy import Deploy

run = Deploy("workstation")
run.claim()
run.packages()
run.change("updates", "services")
run.guarded("accounts", "firewall", "ssh")
run.settle()
