"""A host that is somebody else's by now costs no other host its confirm."""

from __future__ import annotations

import random
from pathlib import Path

import hostile
import practice
from patient import Patient, wait_until

from lab.session import Session

WINDOW_S = 30

# The first answer is the plan's. The second one, the apply's, is held back until it is asked for.
SECOND_ANSWER_WAITS = """
if [ ! -e /root/asked ]; then touch /root/asked; exec dash -s; fi
cp /root/crafted /etc/login.defs
dash -s > /root/answer; touch /root/ready
until [ -e /root/go ]; do sleep 0.1; done
cat /root/answer; touch /root/answered
"""


def exists(patient: Patient, path: str) -> bool:
    return patient.host.run(f"test -e {path}", check=False).returncode == 0


def crafted(lines: int) -> str:
    """Return a login.defs in which difflib, as rempart once used it, searches for a minute."""
    some = random.Random(1)
    pairs = (f"PASS_MAX_DAYS 7\n#{some.randrange(110)}\n" for _ in range(lines // 2))
    return "".join(pairs)


def test_answer_that_takes_long_to_read_fires_no_other_hosts_guard(
    lab: Session, tmp_path: Path
) -> None:
    hosts = dict(zip("ab", lab.fresh_hosts(2, practice.READY), strict=True))
    try:
        inventory = practice.enrolled(tmp_path, hosts)
        a, b = (Patient(host, inventory, [], None, name) for name, host in hosts.items())
        b.host.run("cat > /root/crafted", input=crafted(6_200))
        hostile.pervert(b.host, SECOND_ANSWER_WAITS)
        answered = tmp_path / "answered"

        run = a.apply(f"proof_waits_for:{answered}", WINDOW_S, also="b")
        wait_until(lambda: exists(b, "/root/ready") and a.has("switched"), 300, run)
        b.host.run("touch /root/go")
        wait_until(lambda: exists(b, "/root/answered"), WINDOW_S, run)
        answered.touch()
        said, _ = run.communicate(timeout=300)

        assert "t/a: FAILED" not in said, said
        assert a.has("confirmed")
        assert a.logs_in()
        assert "t/b: FAILED" in said
        assert run.returncode == 1
        assert len(said) < 100_000
    finally:
        for host in hosts.values():
            host.remove()
