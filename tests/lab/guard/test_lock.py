"""The lock of a run on a real host: two never mix, and none is kept out for ever."""

from __future__ import annotations

import os
import re
import signal
import subprocess

import practice
from patient import LOCK, Patient, assert_a_clean_run_succeeds, assert_as_before, wait_until

DRIFT = "echo '// by hand' >> /etc/apt/apt.conf.d/52rempart"
AT_WORK = re.compile(
    r"\S+@\S+ has been at work on this host for \d+ (s|min) \(run \S+, last heard \d+ (s|min)"
    r" ago\); wait, or try again in \d+ (s|min): its lock ends by itself"
)


def pausing(patient: Patient) -> subprocess.Popen[str]:
    """Start a run that says nothing before its guarded changes until the file `go` is there."""
    return patient.apply(f"pause_before_guard:{patient.inventory.with_name('go')}")


def paused(patient: Patient) -> subprocess.Popen[str]:
    """Start such a run and wait until it has made a harmless change."""
    patient.host.run(DRIFT)
    run = pausing(patient)
    by_hand = "! grep -q 'by hand' /etc/apt/apt.conf.d/52rempart"
    wait_until(lambda: patient.host.run(by_hand, check=False).returncode == 0, 60, run)
    return run


def go_on(patient: Patient) -> None:
    patient.inventory.with_name("go").touch()


def killed(run: subprocess.Popen[str]) -> None:
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()


def apply(patient: Patient) -> subprocess.CompletedProcess[str]:
    return practice.rempart("apply", patient.inventory, "--yes")


def test_second_run_is_refused_with_owner_and_age_and_changes_nothing(patient: Patient) -> None:
    paused(patient)
    patient.before = patient.snapshot()
    second = apply(patient)
    assert second.returncode == 1
    error = second.stderr.removeprefix("rempart: t/a: nothing was done: ")
    assert AT_WORK.fullmatch(error.strip()), second.stderr
    assert "t/a: FAILED" in second.stdout
    assert_as_before(patient)


def test_plan_is_never_kept_out_and_says_who_is_at_work(patient: Patient) -> None:
    paused(patient)
    plan = practice.rempart("plan", patient.inventory)
    assert plan.returncode == 2, plan.stderr
    assert AT_WORK.search(plan.stdout)
    assert plan.stderr == ""


def test_of_two_runs_at_once_one_wins(patient: Patient) -> None:
    patient.host.run(DRIFT)
    runs = [pausing(patient) for _ in range(2)]
    wait_until(lambda: any(run.poll() is not None for run in runs), 120)
    go_on(patient)
    said = [run.communicate(timeout=120)[0] for run in runs]
    assert sorted(run.returncode for run in runs) == [0, 1], said
    loser = said[0] if runs[0].returncode else said[1]
    # Seen at work; or beaten by so little that only the host itself could tell.
    assert "has been at work on this host for" in loser or "came since this run looked" in loser
    assert practice.planned(patient.inventory) == {"t/a": {}}


def test_run_of_a_dead_controller_is_taken_over_after_its_lease(patient: Patient) -> None:
    killed(paused(patient))
    early = apply(patient)
    assert early.returncode == 1
    assert AT_WORK.search(early.stderr)
    patient.age_lock(130)
    late = apply(patient)
    assert late.returncode == 0, late.stderr
    assert "took over the lock of a run that ended without a word: " in late.stdout
    assert practice.planned(patient.inventory) == {"t/a": {}}
    assert not patient.has_lock()


def test_overtaken_run_stops_at_its_next_command(patient: Patient) -> None:
    first = paused(patient)
    patient.age_lock()
    second = apply(patient)
    assert second.returncode == 0, second.stderr
    patient.host.run(DRIFT)
    patient.before = patient.snapshot()
    go_on(patient)
    said, _ = first.communicate(timeout=120)
    assert first.returncode == 1
    assert "another run, or a restart, came since this run looked at the host" in said
    assert all("/journal/" in line for line in set(patient.snapshot()) ^ set(patient.before))


def test_reboot_frees_the_lock(patient: Patient) -> None:
    killed(paused(patient))
    assert patient.has_lock()
    patient.host.reboot()
    done = apply(patient)
    assert done.returncode == 0, done.stderr
    assert "took over" not in done.stdout


def test_apt_of_a_dead_controller_keeps_the_lock_and_comes_to_its_end(patient: Patient) -> None:
    """Whatever the lease; its output has nowhere to go by then."""
    host = patient.host
    slow = "echo at work; touch /run/slow; while [ -e /run/slow ]; do sleep 0.1; done; seq 99999"
    host.run("dpkg --remove unattended-upgrades; cat > /usr/local/sbin/slow", input=slow)
    host.run(
        """echo 'DPkg::Pre-Invoke {"sh /usr/local/sbin/slow";};' > /etc/apt/apt.conf.d/00slow"""
    )
    first = patient.apply("stop_before_guard")
    wait_until(lambda: host.run("test -e /run/slow", check=False).returncode == 0, 60, first)
    killed(first)
    patient.age_lock()
    refused = apply(patient)
    assert refused.returncode == 1
    assert re.search(r"a command of it runs now, process \d+\); wait for it\n", refused.stderr)
    process = re.search(r"process (\d+)", refused.stderr)
    assert process
    assert "sh" in host.run(f"ps -o comm= -p {process[1]}").stdout

    host.run("rm /etc/apt/apt.conf.d/00slow /run/slow")
    status = "dpkg-query -W -f '${db:Status-Status}' unattended-upgrades"
    wait_until(lambda: host.run(status).stdout == "installed", 60)
    wait_until(lambda: host.run(f"flock -n {LOCK} true", check=False).returncode == 0, 60)
    # Its lease counts from its end.
    assert AT_WORK.search(apply(patient).stderr)
    patient.age_lock()
    assert_a_clean_run_succeeds(patient)


def test_interrupted_run_gives_the_lock_back_and_notes_what_it_did(patient: Patient) -> None:
    run = paused(patient)
    os.killpg(run.pid, signal.SIGINT)
    said, _ = run.communicate(timeout=60)
    assert run.returncode != 0
    assert "Traceback" not in said
    assert not patient.has_lock()
    journal = patient.host.run("cat $(ls -t /var/lib/rempart/journal/* | head -n1)").stdout
    assert "Write /etc/apt/apt.conf.d/52rempart" in journal
    assert_a_clean_run_succeeds(patient)


def test_plain_pyinfra_keeps_to_the_lock(patient: Patient) -> None:
    environment = {"PATH": "/usr/bin:/bin", "REMPART_INVENTORIES": str(patient.inventory)}
    command = ("pyinfra", "inventories/fleet.py", "deploys/site.py", "-y")
    killed(paused(patient))
    patient.before = patient.snapshot()
    refused = practice.run(*command, env=environment)
    assert refused.returncode != 0
    assert AT_WORK.search(" ".join((refused.stdout + refused.stderr).split()))
    assert_as_before(patient)
    patient.age_lock()
    done = practice.run(*command, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not patient.has_lock()
    assert practice.planned(patient.inventory) == {"t/a": {}}


def test_run_that_a_host_refuses_gives_the_lock_back(patient: Patient) -> None:
    environment = {"PATH": "/usr/bin:/bin", "REMPART_INVENTORIES": str(patient.inventory)}
    patient.host.run("echo AllowGroups sudo >> /etc/ssh/sshd_config")
    command = ("pyinfra", "inventories/fleet.py", "deploys/site.py", "-y")
    refused = practice.run(*command, env=environment)
    assert refused.returncode != 0
    assert "AllowGroups is set elsewhere too" in refused.stdout + refused.stderr
    assert not patient.has_lock()


ATTEMPTS = (
    f"cat {LOCK}",
    f"echo x > {LOCK}",
    f"rm {LOCK}",
    f"flock -n {LOCK} true",
    "flock -n /run/rempart true",
    "ls /run/rempart",
    "touch /run/rempart/x",
    "mv /run/rempart /run/x",
)


def succeeding_as_nobody(patient: Patient) -> list[str]:
    command = "su nobody -s /bin/sh -c '{}'"
    tried = {each: patient.host.run(command.format(each), check=False) for each in ATTEMPTS}
    return [each for each, done in tried.items() if done.returncode == 0]


def test_unprivileged_user_can_neither_read_nor_hold_nor_make_the_lock(patient: Patient) -> None:
    assert apply(patient).returncode == 0
    modes = patient.host.run(f"stat -c '%a %U' {LOCK} /run/rempart").stdout
    assert modes.splitlines() == ["600 root", "700 root"]
    assert succeeding_as_nobody(patient) == []
    patient.host.reboot()  # then the firewall's unit makes the folder
    assert patient.host.run("stat -c '%a %U' /run/rempart").stdout == "700 root\n"
    assert succeeding_as_nobody(patient) == []


def test_damaged_record_keeps_nobody_out(patient: Patient) -> None:
    for record in ("", "x", "\t\t\t", "run\twho\t1\n", "run\twho\t1\t2\t3\n"):
        patient.host.run(f"umask 077; cat > {LOCK}", input=record)
        assert practice.rempart("plan", patient.inventory).returncode == 2
    assert_a_clean_run_succeeds(patient)
