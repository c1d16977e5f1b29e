"""Three hosts at once, one of them slow: each has its own window, and no other one fires."""

from __future__ import annotations

from pathlib import Path

import practice
from patient import Patient, assert_a_clean_run_succeeds, assert_as_before, wait_until

from lab.session import Session

SLOW_SUDO = "session optional pam_exec.so /bin/sleep 1"
NO_LOGIN_WHILE_ARMED = """
cat > /root/wait <<'SH'
#!/bin/sh
while [ -e /var/lib/rempart/guard/armed ]; do sleep 1; done
SH
chmod 700 /root/wait
echo 'session optional pam_exec.so /root/wait' >> /etc/pam.d/sshd
"""


def test_slow_host_makes_no_other_hosts_guard_fire(lab: Session, tmp_path: Path) -> None:
    hosts = dict(zip("abc", lab.fresh_hosts(3, practice.READY), strict=True))
    try:
        inventory = practice.enrolled(tmp_path, hosts)
        a, b, c = (Patient(host, inventory, [], None, name) for name, host in hosts.items())
        said, _ = a.apply("stop_before_guard", also="bc").communicate(timeout=600)
        assert said.count("stopped here") == 3, said
        c.host.run(f"echo '{SLOW_SUDO}' >> /etc/pam.d/sudo")
        c.host.run(NO_LOGIN_WHILE_ARMED)
        c.before = c.snapshot()

        # The slow one cannot prove its login in time; the others are done while it is at work.
        run = a.apply("pause_before_guard:/", window_s=60, also="bc")  # no pause: / is there
        wait_until(lambda: a.has("confirmed") and b.has("confirmed"), 300, run)
        said, _ = run.communicate(timeout=300)
        assert run.returncode == 1
        assert "t/a: FAILED" not in said
        assert "t/b: FAILED" not in said
        assert "t/c: FAILED" in said
        assert "the host put everything back by itself" in said
        assert_as_before(c)

        # As slow as before, but in time.
        c.host.run("sed -i /pam_exec/d /etc/pam.d/sshd")
        assert_a_clean_run_succeeds(c)
        assert all(each.logs_in() for each in (a, b, c))
        assert not any(each.is_back() for each in (a, b, c))
    finally:
        for host in hosts.values():
            host.remove()
