"""What rempart does to every host of a practice, in this order, whatever its role."""

from rempart.engine.deploy import Deploy

run = Deploy()
run.claim()
run.packages()
run.change("updates", "services", "session", "desktop", "browsers", "malware")
run.change("logs", "audit", "time", "jobs", "integrity", "apparmor")
run.guarded("accounts", "passwords", "sudo", "kernel", "filesystem", "firewall", "ssh")
run.settle()
