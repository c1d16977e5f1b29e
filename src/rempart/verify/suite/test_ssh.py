"""SS-1: keys only, no root, modern algorithms: what sshd is told, what it does, what it refuses."""

from __future__ import annotations

from datetime import date
from shlex import quote

import pytest

from rempart.engine.route import Route
from rempart.policy import Host, Policy
from rempart.verify import access, attempt, sshd
from rempart.verify.machine import Machine
from rempart.verify.proof import Proof

pytestmark = pytest.mark.control("SS-1")
Effective = dict[str, sshd.Settings]


def differing(effective: Effective, wanted: dict[str, str]) -> list[str]:
    """Return what differs for whom, each difference once."""
    found: dict[str, str] = {}
    for who, settings in effective.items():
        for key, value in wanted.items():
            if settings.get(key, "absent") != value:
                found.setdefault(f"{key} {settings.get(key, 'absent')}", who)
    return [f"{setting} ({who})" for setting, who in found.items()]


def in_words(wanted: dict[str, str]) -> str:
    """Return settings as one text."""
    return ", ".join(f"{key} {value}" for key, value in wanted.items())


def test_sshd_is_told_keys_only(effective: Effective, proof: Proof) -> None:
    """sshd lets everybody in by key alone, and root not at all."""
    found = differing(effective, sshd.KEYS_ONLY)
    proof.that(not found, in_words(sshd.KEYS_ONLY), ", ".join(found) or "so", "sshd -T -C")


@pytest.mark.control("AC-5")
def test_sshd_reads_root_owned_keys_only(effective: Effective, proof: Proof) -> None:
    """sshd reads keys from the root-owned folder alone."""
    found = differing(effective, sshd.ROOT_OWNED_KEYS)
    proof.that(not found, in_words(sshd.ROOT_OWNED_KEYS), ", ".join(found) or "so", "sshd -T -C")


def test_sshd_has_no_detours(
    effective: Effective, policy: Policy, subject: Host, proof: Proof
) -> None:
    """sshd forwards nothing, but a jump host for those who need it."""
    wanted = dict(sshd.NO_DETOURS)
    staff = {policy.provider.automation.user, *(t.login for t in policy.provider.technicians)}
    jumps = staff if any(other.jump == subject.name for other in policy.hosts) else set()
    found = differing(effective, wanted)
    for who, settings in effective.items():
        expected = "local" if who.split(" ")[0] in jumps else "no"
        if settings.get("allowtcpforwarding") != expected:
            found.append(f"allowtcpforwarding {settings.get('allowtcpforwarding')} ({who})")
    proof.that(not found, in_words(wanted), ", ".join(found) or "so", "sshd -T -C")


def test_dead_connections_end(effective: Effective, proof: Proof) -> None:
    """sshd lets go of clients that are gone, by a question inside the encryption."""
    found = differing(effective, sshd.PLAIN)
    proof.that(not found, in_words(sshd.PLAIN), ", ".join(found) or "so", "sshd -T -C")
    longest = sshd.LONGEST_GONE_S
    times = {who: sshd.gone_after_s(settings) for who, settings in effective.items()}
    never = [f"{seconds} s ({who})" for who, seconds in times.items() if not 0 < seconds <= longest]
    seen = ", ".join(never) or "so"
    proof.that(not never, f"gone clients end within {longest} s", seen, "sshd -T -C")


def test_only_a_group_may_log_in(
    effective: Effective, machine: Machine, policy: Policy, subject: Host, today: date, proof: Proof
) -> None:
    """Only members of named groups may log in, and these are the policy's key holders."""
    groups = {group for each in effective.values() for group in each.get("allowgroups", "").split()}
    without = [who for who, each in effective.items() if not each.get("allowgroups")]
    proof.none(without, "AllowGroups for everybody", "sshd -T -C")
    members: set[str] = set()
    proof.that(len(groups) <= 50, "some groups", f"{len(groups)} groups", "sshd -T -C")
    for group in sorted(groups):
        entry = machine.ask(f"getent group -- {quote(group)}", ok=(0, 2)).strip()
        members |= set(filter(None, entry.rpartition(":")[2].split(",")))
    strangers = members - access.wanted_keys(policy, subject, today).keys()
    proof.none(sorted(strangers), "no other member", f"getent group {' '.join(sorted(groups))}")


def test_algorithms_are_modern(effective: Effective, proof: Proof) -> None:
    """sshd is told modern algorithms alone."""
    settings = next(iter(effective.values()))
    names = [name for key in sshd.ALGORITHM_SETTINGS for name in settings.get(key, "").split(",")]
    proof.none(sshd.outdated(names), "no outdated algorithm", "sshd -T -C")


def test_running_daemon_offers_modern_algorithms(route: Route, proof: Proof) -> None:
    """The running daemon offers modern algorithms alone."""
    offer = attempt.offered_algorithms(route)
    names = [*offer.kex, *offer.host_keys, *offer.ciphers, *offer.macs]
    proof.none(sshd.outdated(names), "no outdated algorithm", "its KEXINIT on the wire")


def test_running_daemon_has_read_its_files(
    effective: Effective, machine: Machine, proof: Proof
) -> None:
    """No configuration file has changed since the running daemon read them.

    A reload keeps the process, but sshd writes its pid file each time it starts to listen.
    """
    pid_file = next(iter(effective.values())).get("pidfile", "/run/sshd.pid")
    socket = machine.ask("systemctl is-active ssh.socket", ok=(0, 3, 4)).strip()
    if socket == "active":
        proof.that(True, "each connection reads the files", "ssh.socket is active", "systemctl")
        return
    running = machine.ask(f'readlink "/proc/$(cat {quote(pid_file)})/exe"').strip()
    proof.that(running == "/usr/sbin/sshd", "/usr/sbin/sshd", running, f"process of {pid_file}")
    changed = machine.ask(
        f"find /etc/ssh/sshd_config /etc/ssh/sshd_config.d -cnewer {quote(pid_file)}"
    ).splitlines()
    proof.none(changed, "no file changed since", f"find -cnewer {pid_file}")


def test_cloud_init_cannot_undo_it(machine: Machine, proof: Proof) -> None:
    """A 50-cloud-init.conf is there; another check proves that it does not count."""
    file = machine.host.file("/etc/ssh/sshd_config.d/50-cloud-init.conf")
    if file.exists:
        proof.info("50-cloud-init.conf is there, and overruled", "stat")
    else:
        proof.that(True, "nothing to overrule", "no 50-cloud-init.conf", "stat")


@pytest.fixture
def unpunished(effective: Effective, login: attempt.Login, proof: Proof) -> None:
    """Refused logins do not make sshd refuse the operator: without that, none is tried."""
    settings = effective[f"root from {login.source}"]
    punished = sshd.shuts_out(settings, login.source)
    wanted = f"{login.source} in PerSourcePenaltyExemptList"
    seen = settings.get("persourcepenaltyexemptlist", "none")
    proof.that(not punished, wanted, f"{seen}; so nothing was tried", "sshd -T -C")


@pytest.mark.usefixtures("unpunished")
@pytest.mark.parametrize("whose", ["throwaway", "root", "automation"])
def test_only_keys_are_offered(whose: str, route: Route, proof: Proof) -> None:
    """sshd offers the method publickey alone."""
    login = {"throwaway": attempt.THROWAWAY, "root": "root", "automation": route.user}[whose]
    offered = attempt.offered_methods(route, login)
    proof.that(offered == ("publickey",), "publickey", ", ".join(offered), f"attempt as {login}")


@pytest.mark.usefixtures("unpunished")
def test_a_password_is_refused(route: Route, proof: Proof) -> None:
    """A login with a password is refused without looking at it."""
    outcome = attempt.password_opens(route)
    proof.that(outcome == "refused", "refused", outcome, f"attempt as {attempt.THROWAWAY}")


@pytest.mark.usefixtures("unpunished")
def test_root_is_refused(route: Route, proof: Proof) -> None:
    """root is refused, with a key too."""
    opened = attempt.key_opens(route, "root")
    proof.that(not opened, "refused", "logged in" if opened else "refused", "attempt as root")


@pytest.mark.usefixtures("unpunished")
def test_other_accounts_are_refused(
    route: Route, accounts: list[access.Account], proof: Proof
) -> None:
    """The automation key opens no other account, in the group or out of it."""
    people = [a.login for a in access.people(accounts) if a.login != route.user]
    logins = ["nobody", *filter(access.is_safe, people[:2])]
    opened = [login for login in logins if attempt.key_opens(route, login)]
    proof.none(opened, "no login", f"attempts as {', '.join(logins)}")


@pytest.mark.control("FW-5")
def test_the_operator_gets_in(
    login: attempt.Login, policy: Policy, subject: Host, proof: Proof
) -> None:
    """The operator's own way in works: a new connection, key login, sudo."""
    sources = ", ".join(map(str, policy.automation_sources(subject)))
    seen = f"from {login.source}, sudo {'works' if login.sudo else 'refused'}"
    proof.that(login.sudo, f"login from {sources}, sudo works", seen, "attempt")
