"""What rempart does to a workstation, in this order."""

from rempart.engine.deploy import Deploy

run = Deploy("workstation")
run.claim()
run.packages()
run.change("updates", "services", "session", "desktop", "browsers", "malware")
run.change("logs", "audit", "time", "jobs", "integrity", "apparmor")
run.guarded("accounts", "passwords", "sudo", "kernel", "filesystem", "firewall", "ssh")
run.settle()
