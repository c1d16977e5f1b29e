"""UP-1, UP-2, AV-4: security updates install themselves, and have, from Debian alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from rempart.policy import Host, Policy
from rempart.verify import apt
from rempart.verify.machine import AnswerError, Machine
from rempart.verify.proof import Proof

TIMERS = ("apt-daily.timer", "apt-daily-upgrade.timer")

# gpgv is Debian 12's, sqv Debian 13's. sqv writes the text that it found signed to a new file.
_SIGNATURES = """
keys=/usr/share/keyrings/debian-archive-keyring.gpg
folder=$(mktemp -d) && cd "$folder" || exit 2
for list in /var/lib/apt/lists/*Release; do
    name=${list##*/}
    if command -v sqv > /dev/null; then
        sqv --keyring "$keys" --cleartext --output "$folder/$name" "$list"
    else
        gpgv -q --keyring "$keys" "$list"
    fi > /dev/null 2>&1 && echo "debian $name" || echo "foreign $name"
done
rm -r "$folder"
"""

# As needrestart reads it, by its own language.
_RESTARTS = r"""
test -x /usr/sbin/needrestart || exit 0
perl -e 'our (%nrconf); do "/etc/needrestart/needrestart.conf"; die $@ if $@;
    print "automatic\n" if $nrconf{restart} eq "a";
    my %rules = %{$nrconf{override_rc}};
    print "ssh spared\n" if grep { "ssh.service" =~ $_ && !$rules{$_} } keys %rules;'
"""

_KEYS = """
find /etc/apt/trusted.gpg /etc/apt/trusted.gpg.d /etc/apt/keyrings -type f 2> /dev/null |
    while IFS= read -r key; do
        dpkg -S "$key" > /dev/null 2>&1 || echo "$key"
    done
"""

_SINCE = """
cat /var/lib/apt/lists/*[-_]security*InRelease
echo ---
stat -c %Y /var/lib/dpkg/info/unattended-upgrades.list
echo ---
for log in /var/log/unattended-upgrades/unattended-upgrades.log*; do
    [ ! -e "$log" ] || zcat -f "$log" | grep 'No packages found'
done | sort | tail -n 1
"""


@pytest.fixture(scope="module")
def settings(machine: Machine) -> dict[str, list[str]]:
    """apt's effective configuration."""
    return apt.parse_dump(machine.ask("apt-config dump"))


@pytest.mark.control("UP-1")
def test_updates_install_themselves(
    settings: dict[str, list[str]], machine: Machine, policy: Policy, subject: Host, proof: Proof
) -> None:
    """apt fetches and installs security updates every day, and reboots as the policy says."""
    wanted = {
        "apt::periodic::enable": "1",
        "apt::periodic::update-package-lists": "1",
        "apt::periodic::unattended-upgrade": "1",
        "unattended-upgrade::automatic-reboot": str(policy.updates.reboot).lower(),
    }
    if policy.updates.reboot:
        wanted["unattended-upgrade::automatic-reboot-time"] = policy.reboot_time(subject)
    installed = machine.host.package("unattended-upgrades").is_installed
    proof.that(installed, "unattended-upgrades installed", "not installed", "dpkg-query")
    actual = {key: values[-1] for key, values in settings.items()}
    # Unset means on: /usr/lib/apt/apt.systemd.daily.
    actual.setdefault("apt::periodic::enable", "1")
    proof.settings(wanted, actual, "apt-config dump")


@pytest.mark.control("UP-1")
def test_only_debian_security_installs_itself(settings: dict[str, list[str]], proof: Proof) -> None:
    """What installs itself is Debian's security updates, all of them and nothing else."""
    origins = apt.origins(settings)
    proof.that(bool(origins), "Debian-Security", "no origin", "apt-config dump")
    foreign = [origin for origin in origins if not apt.is_debian_security(origin)]
    proof.none(foreign, "Debian-Security alone", "apt-config dump")
    held = settings.get("unattended-upgrade::package-blacklist", [])
    proof.none(filter(None, held), "no package left out", "apt-config dump")


@pytest.mark.control("UP-1")
def test_the_timers_run(machine: Machine, proof: Proof) -> None:
    """Debian's two timers are enabled, active and due within two days."""
    for timer in TIMERS:
        service = machine.host.service(timer)
        states = _word(service.is_enabled, "enabled"), _word(service.is_running, "active")
        seen = ", ".join(states)
        proof.that(seen == "enabled, active", f"{timer} enabled, active", seen, "systemctl")
    listed = machine.ask(f"date +%s; systemctl list-timers --all -o json {' '.join(TIMERS)}")
    try:
        now, _, rows = listed.partition("\n")
        # While a timer's service runs, there is no next time yet, but a last one, just now.
        times = [int(row["next"] or row["last"]) / 1e6 for row in json.loads(rows)]
        due_s = [time - int(now) for time in times]
    except (ValueError, KeyError, TypeError) as error:
        raise AnswerError(f"systemctl list-timers: cannot be read (got {error!r})") from error
    hours = [round(seconds / 3600) for seconds in due_s]
    late = [f"in {hour} h" for hour in hours if not -24 <= hour <= 48]
    proof.that(len(hours) == 2, "two timers", f"{len(hours)} timers", "systemctl list-timers")
    proof.none(late, "due within 48 h", "systemctl list-timers")


def _word(holds: bool, word: str) -> str:
    return word if holds else f"not {word}"


@pytest.mark.control("UP-1")
def test_unattended_upgrade_runs(machine: Machine, proof: Proof) -> None:
    """unattended-upgrade gets through, as a dry run."""
    said = machine.ask("unattended-upgrade --dry-run 2>&1; echo rc $?", timeout_s=300)
    last = said.strip().splitlines()[-2:]
    proof.that(last[-1:] == ["rc 0"], "exit 0", " ".join(last), "unattended-upgrade --dry-run")


@pytest.mark.control("UP-1")
def test_old_code_is_restarted(machine: Machine, proof: Proof) -> None:
    """After an update daemons that still run old code are restarted, but for the way in."""
    said = machine.ask(_RESTARTS, name="needrestart's configuration").split()
    wanted = ["automatic", "ssh", "spared"]
    proof.that(said == wanted, " ".join(wanted), " ".join(said) or "absent", "needrestart.conf")


@pytest.mark.control("AV-4")
def test_no_foreign_key_signs_packages(machine: Machine, proof: Proof) -> None:
    """Every key that apt trusts came with a package of Debian's."""
    lines = machine.ask(_KEYS, name="apt's keys").splitlines()
    proof.none(lines, "no key of others", "find, dpkg -S")


@pytest.mark.control("UP-1", "AV-4")
def test_all_sources_are_debians(machine: Machine, proof: Proof) -> None:
    """Every package source is signed by Debian."""
    lines = machine.ask(_SIGNATURES, name="signatures of lists").splitlines()
    foreign = [line.removeprefix("foreign ") for line in lines if not line.startswith("debian ")]
    security = [line for line in lines if "security" in line and line.startswith("debian ")]
    proof.that(bool(security), "a signed list of security updates", "none", "signatures of lists")
    proof.none(foreign, "Debian's signature on every list", "signatures of lists")
    targets = machine.ask(
        "apt-get indextargets --format '$(ORIGIN)|$(SITE)|$(CODENAME)' 'Created-By: Packages'"
    )
    others = {line for line in targets.splitlines() if not line.startswith("Debian|")}
    proof.none(sorted(others), "origin Debian alone", "apt-get indextargets")


@pytest.mark.control("UP-2")
def test_lists_are_fresh(machine: Machine, proof: Proof) -> None:
    """The list of security updates may still be believed: Debian dates each for a week."""
    release, *_ = machine.ask(_SINCE, name="apt's lists and logs").split("\n---\n")
    until = apt.valid_until(release)
    holds = until > datetime.now(UTC)
    proof.that(holds, "valid today", f"valid until {until:%Y-%m-%d %H:%M} UTC", "Valid-Until")


@pytest.mark.control("UP-2")
def test_no_security_update_is_old(machine: Machine, policy: Policy, proof: Proof) -> None:
    """No security update has been waiting for longer than the policy allows.

    Lists carry no date per package. A waiting update came out after the last time when
    unattended-upgrades found nothing to install (its log), or waits since that package was put in
    charge: so many days old it is at most, and a host that installs updates is clean daily.
    """
    pending = apt.pending_security(machine.ask("apt-get -s --ignore-hold dist-upgrade"))
    _, installed, log = machine.ask(_SINCE, name="apt's lists and logs").split("\n---\n")
    try:
        since = datetime.fromtimestamp(int(installed), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise AnswerError(f"stat: is no time (got {installed[:40]!r})") from error
    since = max(since, apt.last_clean(log) or since)
    age = datetime.now(UTC) - since
    limit = timedelta(days=policy.updates.max_age_days)
    wanted = f"no security update waiting for more than {limit.days} days"
    seen = f"{', '.join(pending[:5]) or 'none'} waiting, last clean {since:%Y-%m-%d}"
    proof.that(not pending or age <= limit, wanted, seen, "apt-get -s, unattended-upgrades' log")


@pytest.mark.control("UP-2")
def test_no_reboot_is_overdue(machine: Machine, policy: Policy, proof: Proof) -> None:
    """No reboot for an update has been waiting for longer than the policy allows."""
    answer = machine.ask("date +%s; stat -c %Y /run/reboot-required 2> /dev/null || echo none")
    now, since, *_ = [*answer.split(), "none"]
    limit = policy.updates.reboot_max_age_days
    if since == "none" and now.isdigit():
        proof.that(True, f"none for more than {limit} days", "none waiting", "stat")
        return
    try:
        days = (int(now) - int(since)) / 86400
    except ValueError as error:
        raise AnswerError(f"stat: is no time (got {since[:40]!r})") from error
    seen = f"waiting for {days:.0f} days"
    proof.that(days <= limit, f"none for more than {limit} days", seen, "stat /run/reboot-required")
