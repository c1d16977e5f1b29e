"""What rempart does to an SFTP server, in this order."""

from rempart.engine.deploy import Deploy

run = Deploy("sftp_server")
run.claim()
run.packages()
run.change("updates", "services", "session", "desktop", "browsers", "malware")
run.change("logs", "audit", "time", "jobs", "integrity", "apparmor")
run.guarded("accounts", "passwords", "sudo", "kernel", "filesystem", "firewall", "ssh")
run.settle()
