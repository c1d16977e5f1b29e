"""Changes that lock the operator out: she is in again in time, and the host is as it was."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable

import practice
import pytest
from patient import (
    WINDOW_S,
    Patient,
    assert_a_clean_run_succeeds,
    assert_as_before,
    runs_brittle_unit,
    wait_until,
)

from rempart.engine.guard import GRACE_S

BY_ITSELF = "the host put everything back by itself and was reachable again after"
AT_ONCE = "a change failed; the host has put everything back"
# All the window may go by on the switch's own connection, which is dead too, or on a busy machine;
# the only attempt may then meet an sshd that is just reading its configuration again.
NO_TIME = "no time left to prove a new login|connection refused"
REASON = {
    "firewall_forgets_ssh": "no answer within",
    "firewall_cuts_everything": "no answer within",
    "sshd_wants_another_group": "login refused",
    "sshd_reads_keys_elsewhere": "login refused",
    # It dies while it reloads or a moment later.
    "sshd_listens_elsewhere": "connection refused|ssh.service",
    "pam_refuses": "login refused",
    "pam_profile_refuses": "login refused",
    "sudoers_are_nonsense": "on a new connection: .*sudo: a password is required",
    "sudo_asks_for_a_password": "on a new connection: sudo: a password is required",
    "account_is_expired": "login refused",
    "account_has_shell": "on a new connection: (no word from its shell|.*not available)",
    "host_key_is_new": "HOST KEY CHANGED, nothing was sent",
}
"""What a run says of its proof, by fault."""

SHARE = (
    "mkdir /home/commun && mount -t tmpfs nas /home/commun && echo patients > /home/commun/letter"
)
"""As practices have below their homes; what would unmount it would empty it for every program."""

Admit = Callable[..., Patient]
Record = Callable[[str, object], None]


@pytest.fixture
def locked_out(record_property: Record) -> Callable[..., str]:
    """`locked_out(patient, fault)` returns what a run said that shut the operator out for a while.

    How many seconds after arming she was in again is a property of the test, and so is the text.
    """

    def apply(
        patient: Patient,
        fault: str,
        window_s: int = WINDOW_S,
        bites: Callable[[Patient], object] = lambda patient: not patient.logs_in(),
    ) -> str:
        run = patient.apply(fault, window_s)
        wait_until(patient.is_armed, 60, run)
        armed = time.monotonic()
        wait_until(lambda: bool(bites(patient)), window_s)  # the fault is a real one
        wait_until(patient.logs_in, window_s + GRACE_S)
        took = time.monotonic() - armed
        said = ended(run)
        record_property("reachable_after_s", round(took))
        record_property("said", said)
        assert took < window_s + GRACE_S
        wait_until(patient.is_unguarded, GRACE_S)  # it says so before its unit has ended
        return said

    return apply


def ended(run: subprocess.Popen[str], timeout_s: float = 90) -> str:
    """Return what a run said that failed, on one line."""
    said, _ = run.communicate(timeout=timeout_s)
    assert run.returncode == 1, said
    assert "t/a: FAILED" in said
    return " ".join(said[said.index("t/a: FAILED") :].split())


@pytest.mark.parametrize(
    ("image", "fault"),
    [
        ("debian-12", "firewall_forgets_ssh"),
        ("debian-12", "firewall_cuts_everything"),
        ("debian-12", "sshd_wants_another_group"),
        ("debian-12", "sshd_reads_keys_elsewhere"),
        ("debian-12", "sshd_listens_elsewhere"),
        ("debian-12", "pam_refuses:sshd"),
        ("debian-12", "pam_profile_refuses"),
        ("debian-12", "sudoers_are_nonsense"),
        ("debian-12", "sudo_asks_for_a_password"),
        ("debian-12", "account_is_expired"),
        ("debian-12", "account_has_shell:/bin/false"),
        ("debian-12", "host_key_is_new"),
        ("debian-13", "firewall_cuts_everything"),
        ("debian-13", "sshd_reads_keys_elsewhere"),
        ("debian-13", "sshd_listens_elsewhere"),
        ("debian-13", "pam_refuses:sshd"),
        ("debian-13", "sudoers_are_nonsense"),
        ("debian-13", "account_is_expired"),
        ("debian-13", "account_has_shell:/usr/sbin/nologin"),
        ("debian-13", "host_key_is_new"),
    ],
)
def test_lock_out_ends_by_itself_and_leaves_nothing(
    admit: Admit, locked_out: Callable[..., str], image: str, fault: str
) -> None:
    patient = admit(image)
    patient.host.run(SHARE)
    patient.before = patient.snapshot()

    said = locked_out(patient, fault)

    assert re.search(f"{REASON[fault.partition(':')[0]]}|{NO_TIME}", said)
    assert BY_ITSELF in said or AT_ONCE in said
    assert patient.host.run("cat /home/commun/letter").stdout == "patients\n"
    assert_as_before(patient)
    assert_a_clean_run_succeeds(patient)


@pytest.mark.parametrize("image", ["debian-12", "debian-13"])
def test_sshd_that_does_not_start_again_is_put_back_at_once(
    admit: Admit, locked_out: Callable[..., str], image: str
) -> None:
    patient = admit(image)

    said = locked_out(patient, "sshd_does_not_start_again", window_s=90)

    assert AT_ONCE in said
    assert_as_before(patient)
    assert_a_clean_run_succeeds(patient)


@pytest.mark.parametrize("image", ["debian-12", "debian-13"])
@pytest.mark.parametrize(
    "fault", ["sshd_wants_another_group", "sshd_config_is_nonsense_to_sshd_alone"]
)
def test_host_with_ssh_socket_comes_back_with_it(
    admit: Admit, locked_out: Callable[..., str], image: str, fault: str
) -> None:
    """Each login starts sshd anew there: a bad configuration counts without any reload."""
    patient = admit(image)
    patient.host.run("systemctl disable --now ssh.service && systemctl enable --now ssh.socket")
    assert patient.logs_in()
    patient.before = patient.snapshot()

    said = locked_out(patient, fault)

    assert BY_ITSELF in said
    journal = patient.host.run("journalctl -b -o cat --no-pager -u ssh.socket").stdout
    assert ("service-start-limit-hit" in journal) == ("nonsense" in fault)
    assert patient.logs_in()
    assert_as_before(patient)
    assert_a_clean_run_succeeds(patient)
    assert patient.logs_in()


@pytest.mark.parametrize("fault", ["default_routes_go", "default_route_leads_elsewhere"])
def test_routes_come_back(admit: Admit, locked_out: Callable[..., str], fault: str) -> None:
    """A change of the network takes the only way to the controller."""
    patient = admit()
    # As in many data centres: only the gateway is on the link, all else is behind it.
    patient.host.run(
        "ip route add 10.77.0.254 dev eth0 && ip route del 10.77.0.0/24 &&"
        "ip -6 route add default via fd77::fe dev eth0 proto ra metric 100 expires 1800"
    )
    assert patient.logs_in()
    patient.before = patient.snapshot()

    said = locked_out(patient, fault)

    assert BY_ITSELF in said
    assert_as_before(patient)
    assert_a_clean_run_succeeds(patient)


def test_host_that_loses_the_network_reverts_without_anybody(
    admit: Admit, record_property: Record
) -> None:
    patient = admit()
    run = patient.apply("proof_is_late:6")
    wait_until(lambda: patient.has("switched"), 60, run)
    patient.host.cut_network()
    assert not patient.logs_in()

    wait_until(patient.is_back, WINDOW_S + GRACE_S)
    patient.host.restore_network()
    said = ended(run)

    record_property("said", said)
    assert BY_ITSELF in said
    assert patient.logs_in()
    assert_as_before(patient)
    assert_a_clean_run_succeeds(patient)


def test_host_that_stays_off_the_network_is_reported_as_not_reachable(
    admit: Admit, record_property: Record
) -> None:
    patient = admit()
    run = patient.apply("proof_is_late:6")
    wait_until(lambda: patient.has("switched"), 60, run)
    patient.host.cut_network()

    said = ended(run, WINDOW_S + GRACE_S + 60)
    assert patient.is_back()
    patient.host.restore_network()

    record_property("said", said)
    assert f"NOT REACHABLE after {GRACE_S} s of grace" in said
    assert BY_ITSELF not in said
    assert patient.logs_in()
    assert_as_before(patient)
    assert_a_clean_run_succeeds(patient)


def test_removed_folders_come_back_with_what_was_in_them(
    admit: Admit, locked_out: Callable[..., str]
) -> None:
    patient = admit()
    patient.host.run(
        "mkdir -m 750 /etc/cabinet /etc/cabinet/inner && mkdir -m 711 /etc/cabinet.empty &&"
        "echo dentist > /etc/cabinet/inner/name && ln -s inner /etc/cabinet/link &&"
        "chown -R games:games /etc/cabinet /etc/cabinet.empty"
    )
    patient.before = patient.snapshot()

    said = locked_out(patient, "folders_go")

    assert BY_ITSELF in said
    assert_as_before(patient)


def test_unit_that_does_not_start_again_is_named_and_holds_nothing_up(
    admit: Admit, locked_out: Callable[..., str]
) -> None:
    patient = admit()
    runs_brittle_unit(patient, "/bin/mkdir /run/brittle")

    said = locked_out(patient, "brittle_unit_is_touched")

    assert "NOT everything is put back: brittle.service: does not start again;" in said
    journal = patient.host.run("journalctl -t rempart -o cat --no-pager").stdout
    assert "brittle.service: does not start again" in journal
    assert BY_ITSELF not in said
    assert patient.is_back()
    left = "an undone change left something behind: brittle.service: does not start again"
    assert left in practice.rempart("plan", patient.inventory).stdout
    patient.host.run("rmdir /run/brittle && systemctl restart brittle.service")
    assert_as_before(patient)
    assert_a_clean_run_succeeds(patient)
    assert left not in practice.rempart("plan", patient.inventory).stdout


@pytest.mark.parametrize(
    ("fault", "window_s", "timeout_s"),
    [("wrong_passwords_before_the_switch", 60, 180), ("wrong_keys_after_the_switch", 180, 240)],
)
def test_sshd_that_shuts_the_controller_out_does_not_keep_the_proof_out(
    admit: Admit, fault: str, window_s: int, timeout_s: int
) -> None:
    """Debian 13's sshd does so for a while: a reload forgives it, or it is waited for."""
    patient = admit("debian-13")

    run = patient.apply(fault, window_s=window_s)
    said, _ = run.communicate(timeout=timeout_s)

    assert run.returncode == 0, said
    assert shut_out(patient)
    assert_a_clean_run_succeeds(patient)


def test_sshd_that_shuts_the_controller_out_for_longer_is_put_back(
    admit: Admit, locked_out: Callable[..., str]
) -> None:
    patient = admit("debian-13")

    said = locked_out(patient, "wrong_keys_after_the_switch", bites=shut_out)

    assert BY_ITSELF in said
    assert_as_before(patient)
    assert_a_clean_run_succeeds(patient)


def shut_out(patient: Patient) -> str:
    """Return what sshd says of connections that it did not take for earlier failed logins."""
    lines = "journalctl -b -u ssh -o cat | grep '^drop connection .* penalty: failed auth'"
    return patient.host.run(lines, check=False).stdout
