"""Hosts under a guard, for the tests: `rempart apply` with a fault built in, and what became of it.

Judged from inside the host and with OpenSSH's client, never with the transport under test.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import practice

from lab import place
from lab.host import Host
from lab.requirements import program

WINDOW_S = 20
GUARD = "/var/lib/rempart/guard"
LOCK = "/run/rempart/lock"
UNITS = "ssh.service ssh.socket rempart-firewall.service nftables.service"

# The guard's own folder stays, emptied, the lock names the last run, and the manifest says what the
# run was about to own, which is harmless; everything else is compared to the last byte.
SNAPSHOT = f"""
list() {{
  find /etc /home /root /usr/local /var/mail /var/spool /var/lib/rempart /run/rempart /tmp -xdev \\
    -path {GUARD} -prune -o -path {LOCK} -prune -o -path /var/lib/rempart/manifest.json -prune -o \\
    -name "systemd-private-*" -prune -o "$@"
}}
list -printf '%p %y %m %U:%G %l\\n'
list -type f -exec sha256sum {{}} +
echo sshd; sshd -T
echo rules; nft -s list ruleset
echo units
for unit in {UNITS}; do
  echo "$unit $(systemctl is-active $unit) $(systemctl is-enabled $unit 2>/dev/null)"
done
echo settings; sysctl -a -r '^net[.]ipv[46][.](conf[.](all|default|eth0)|icmp|tcp_syn)' 2>/dev/null
echo routes; for family in 4 6; do ip -o -$family route show table main; done |
  sed 's/ expires [^ ]*//'
echo guards; systemctl list-timers --all --no-legend 'rempart*' | grep -o 'rempart[^ ]*'
systemctl list-units --all --no-legend 'rempart-guard*'
find / -xdev -name '.rempart*'
true
"""


@dataclass
class Patient:
    """A host `t/a` whose packages and harmless changes are made: only risky ones are left."""

    host: Host
    inventory: Path
    before: list[str]
    jump: Host | None
    name: str = "a"
    runs: list[subprocess.Popen[str]] = field(default_factory=list)

    def logs_in(self) -> bool:
        """Tell whether the automation key and sudo work on a new connection."""
        way = []
        if self.jump:
            hop = shlex.join([*self.ssh("j"), f"rempart@{self.jump.address}"])
            way = ["-o", f"ProxyCommand={hop} -W %h:%p"]
        command = [*self.ssh(self.name), *way, f"rempart@{self.host.address}", "sudo -n true"]
        try:
            done = subprocess.run(command, capture_output=True, check=False, timeout=5)
        except subprocess.TimeoutExpired:  # cut off in the middle of the login
            return False
        return done.returncode == 0

    def ssh(self, name: str) -> list[str]:
        """Return the words of OpenSSH's client up to the address, with the automation key."""
        options = {
            "UserKnownHostsFile": self.inventory.parent / "known_hosts" / "t" / name,
            "HostKeyAlias": f"t/{name}",
            "BatchMode": "yes",
            "IdentitiesOnly": "yes",
            "ConnectTimeout": 1,
        }
        words = [f"-o{key}={value}" for key, value in options.items()]
        return [program("ssh"), "-F", "none", "-i", str(place.KEYS / "automation"), *words]

    def has(self, name: str) -> bool:
        """Tell whether the guard's folder has a file of that name."""
        return self.host.run(f"test -e {GUARD}/{name}", check=False).returncode == 0

    def is_armed(self) -> bool:
        return self.has("armed")

    def is_back(self) -> bool:
        """Tell whether the last guarded change was put back and the guard has gone."""
        return self.has("reverted") and self.is_unguarded()

    def is_settled(self) -> bool:
        """Tell whether the last guarded change was put back or confirmed, the guard gone."""
        return (self.has("reverted") or self.has("confirmed")) and self.is_unguarded()

    def is_unguarded(self) -> bool:
        units = "systemctl list-units --all --no-legend 'rempart-guard*'"
        return not self.host.run(units, check=False).stdout

    def snapshot(self) -> list[str]:
        """Return everything that a run could have changed, sorted."""
        return sorted(self.host.run(SNAPSHOT).stdout.splitlines())

    def own_filesystem_for_state(self) -> None:
        """Move /var/lib/rempart to a filesystem of 1 MiB."""
        self.host.run(
            "cp -a /var/lib/rempart /tmp/state && "
            "mount -t tmpfs -o size=1m,mode=700 tmpfs /var/lib/rempart && "
            "cp -a /tmp/state/. /var/lib/rempart && rm -r /tmp/state"
        )
        self.before = self.snapshot()

    def apply(
        self, fault: str, window_s: int = WINDOW_S, also: Sequence[str] = ()
    ) -> subprocess.Popen[str]:
        """Start `rempart apply` with a fault built in, in a process group of its own."""
        hosts = [word for name in (self.name, *also) for word in ("--host", name)]
        run = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("sabotage.py")), fault, "apply",
             str(self.inventory), *hosts, "--yes", "--window", str(window_s)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        self.runs.append(run)
        return run

    def discharge(self) -> None:
        """End the runs that a failed test has left behind."""
        for run in self.runs:
            if run.poll() is None:
                os.killpg(run.pid, signal.SIGKILL)
                run.wait()

    def has_lock(self) -> bool:
        """Tell whether a run has the host's lock: its record gives it a lease."""
        return self.host.run(f"cut -f6 {LOCK}", check=False).stdout.strip() not in ("", "0")

    def is_busy(self) -> bool:
        """Tell whether a command of some run is at work on the host."""
        return self.host.run(f"flock -n -s {LOCK} true", check=False).returncode != 0

    def age_lock(self, seconds: int = 10_000) -> None:
        """Let the lock's run be silent for so much longer."""
        aged = f"awk -F'\t' -v OFS='\t' '{{ $4 -= {seconds}; $5 -= {seconds}; print }}' {LOCK}"
        self.host.run(f'record=$({aged}); printf "%s\n" "$record" > {LOCK}')


def runs_brittle_unit(patient: Patient, command: str) -> None:
    """Start a unit whose command succeeds once: what becomes of it at its next start it says."""
    unit = f"[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart={command}\n"
    patient.host.run("cat > /etc/systemd/system/brittle.service", input=unit)
    patient.host.run("systemctl daemon-reload && systemctl start brittle.service")
    patient.before = patient.snapshot()


def enrolled(host: Host, tmp_path: Path, jump: Host | None = None) -> Patient:
    """Enrol a stock host, as `t/a`, and its jump host, as `t/j`; nothing else is done."""
    hosts = {"a": host} | ({"j": jump} if jump else {})
    inventory = practice.enrolled(tmp_path, hosts, jumps={"a": "j"} if jump else {})
    return Patient(host, inventory, [], jump)


def admitted(host: Host, tmp_path: Path, jump: Host | None = None) -> Patient:
    """Enrol a host, as `t/a`, and make everything on it that needs no guard.

    A jump host is enrolled, as `t/j`, and left so.
    """
    patient = enrolled(host, tmp_path, jump)
    said, _ = patient.apply("stop_before_guard").communicate(timeout=300)
    assert "stopped here" in said, said
    patient.before = patient.snapshot()
    return patient


def wait_until(
    condition: Callable[[], bool], timeout_s: float, run: subprocess.Popen[str] | None = None
) -> None:
    """Wait for a condition, at most so long, and no longer than a run lasts."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < timeout_s, f"not within {timeout_s} s"
        assert run is None or run.poll() is None, run.communicate()[0]
        time.sleep(0.1)


def assert_as_before(patient: Patient, besides: str | None = None) -> None:
    """Compare everything, but for lines with `besides` in them."""
    before, after = (
        {line for line in lines if not (besides and besides in line)}
        for lines in (patient.before, patient.snapshot())
    )
    lost, new = before - after, after - before
    changes = [f"- {line}" for line in sorted(lost)] + [f"+ {line}" for line in sorted(new)]
    assert not changes, "\n".join(changes)


def assert_a_clean_run_succeeds(patient: Patient) -> None:
    done = practice.rempart("apply", patient.inventory, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    again = practice.rempart("plan", patient.inventory)
    assert again.returncode == 0, again.stdout + again.stderr
