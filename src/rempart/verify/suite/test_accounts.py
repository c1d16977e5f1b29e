"""AC-1, AC-3, AC-5: the policy's people have their accounts and keys, and nobody else has a key."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest

from rempart.policy import Host, Policy
from rempart.verify import access, sshd
from rempart.verify.machine import AnswerError, Machine
from rempart.verify.proof import Proof

_FILE = re.compile(r"f (?P<mode>[0-7]+) root (?P<name>[a-z_][a-z0-9_.-]{0,31})")

_LEFTOVERS = """
getent passwd | cut -d: -f1,6 | sort -u | while IFS=: read -r login home; do
    for file in "$home/.ssh/authorized_keys" "$home/.ssh/authorized_keys2"; do
        [ ! -s "$file" ] || echo "$file"
    done
done
"""


# Of the login $1, each thing that would let in or run again.
_LEFT_BEHIND = """
ps -o pid= -u "$1" | sed 's/^/process /'
id -nG "$1" | tr ' ' '\\n' | grep -vxF "$(id -ng "$1")" | sed 's/^/group /'
find /var/spool/cron /var/lib/systemd/linger -type f \\( -user "$1" -o -name "$1" \\)
sudo -l -U "$1" | grep -q 'may run' && echo 'sudo rules'
find "$(getent passwd "$1" | cut -d: -f6)" -maxdepth 0 \\( -not -user root -o -perm /077 \\)
true
"""


@pytest.fixture(scope="module")
def key_files(machine: Machine) -> dict[str, str]:
    """The key files by login: what stands in them, whoever owns them."""
    folder = access.KEY_FOLDER
    listed = machine.ask(f"find {folder} -mindepth 1 -maxdepth 1 -type f -printf '%P\\n'")
    names = [name for name in listed.splitlines() if access.is_safe(name)]
    return {name: machine.ask(f"cat {folder}/{name}") for name in names}


@pytest.mark.control("AC-5")
def test_only_root_writes_keys(machine: Machine, proof: Proof) -> None:
    """The key folder and its files are root's, and nobody else can write there."""
    folder = access.KEY_FOLDER
    status = machine.ask(f"stat -c '%F %U %a' {folder}").strip()
    proof.that(status == "directory root 755", "directory root 755", status, f"stat {folder}")
    lines = machine.ask(f"find {folder} -mindepth 1 -printf '%y %m %u %P\\n'").splitlines()
    matches = {line: _FILE.fullmatch(line) for line in lines}
    wrong = [line for line, m in matches.items() if not m or int(m["mode"], 8) & 0o022]
    proof.none(wrong, "files of root that nobody else writes", f"find {folder}")


@pytest.mark.control("AC-5")
def test_only_the_policys_keys_are_there(
    key_files: dict[str, str], policy: Policy, subject: Host, today: date, proof: Proof
) -> None:
    """Every key is one that the policy names for that account, and ends when the policy says."""
    wanted = access.wanted_keys(policy, subject, today)
    foreign = [
        f"{login}: {line}"
        for login, text in sorted(key_files.items())
        for line in access.foreign_lines(text, wanted.get(login, {}))
    ]
    proof.none(foreign, "no other key", access.KEY_FOLDER)


@pytest.mark.control("AC-5")
def test_the_automation_key_is_bound_to_its_networks(
    key_files: dict[str, str], policy: Policy, subject: Host, proof: Proof
) -> None:
    """The automation key opens from the management networks alone, and for commands alone."""
    line = key_files.get(policy.provider.automation.user, "").strip()
    match = re.match(r'from="([^"]*)",restrict(,port-forwarding)? ', line)
    wanted = ",".join(map(str, policy.automation_sources(subject)))
    is_bound = match is not None and set(match[1].split(",")) == set(wanted.split(","))
    seen = line.partition(" ssh-")[0][:120] or "no key"
    proof.that(is_bound, f'from="{wanted}",restrict', seen, access.KEY_FOLDER)


@pytest.mark.control("AC-5")
def test_leftover_keys_are_not_read(
    machine: Machine, effective: dict[str, sshd.Settings], proof: Proof
) -> None:
    """Keys in home folders do not count."""
    found = machine.ask(_LEFTOVERS, name="getent passwd").splitlines()
    read = {each.get("authorizedkeysfile", "absent") for each in effective.values()}
    harmless = read == {sshd.ROOT_OWNED_KEYS["authorizedkeysfile"]}
    if found and harmless:
        proof.info(f"left over, sshd does not read them: {', '.join(found)}", "find")
    else:
        proof.none(found, "no key file that sshd reads in a home folder", "find, sshd -T")


@pytest.mark.control("AC-3")
def test_accounts_of_the_policy_exist(
    accounts: list[access.Account], policy: Policy, subject: Host, today: date, proof: Proof
) -> None:
    """Everybody whom the policy names for this host has an account."""
    wanted = access.wanted_accounts(policy, subject, today)
    missing = sorted(wanted.keys() - {account.login for account in accounts})
    proof.none(missing, f"accounts {', '.join(sorted(wanted))}; none missing", "getent passwd")


@pytest.mark.control("AC-3")
def test_accounts_end_when_the_policy_says(
    machine: Machine, policy: Policy, subject: Host, today: date, proof: Proof
) -> None:
    """Accounts open until their last day, and not after it."""
    wrong = []
    for login, last_day in access.wanted_accounts(policy, subject, today).items():
        fields = machine.ask(f"getent shadow -- {login}", ok=(0, 2)).strip().split(":")
        if len(fields) != 9:
            raise AnswerError(f"getent shadow: has no entry for {login}")
        # shadow(5): the first day on which the account is closed, counted from 1970-01-01.
        closes = date(1970, 1, 1) + timedelta(days=int(fields[7])) if fields[7].isdigit() else None
        if closes != (last_day and last_day + timedelta(days=1)):
            wrong.append(f"{login} closes {closes or 'never'}, last day {last_day or 'none'}")
    proof.none(wrong, "every account closes after its last day", "getent shadow")


@pytest.mark.control("AC-3")
def test_keys_of_the_policy_are_there(
    key_files: dict[str, str], policy: Policy, subject: Host, today: date, proof: Proof
) -> None:
    """Everybody's keys are on the host."""
    missing = [
        login
        for login, keys in access.wanted_keys(policy, subject, today).items()
        if not keys.keys() <= access.blobs(key_files.get(login, ""))
    ]
    proof.none(missing, "no key missing", access.KEY_FOLDER)


@pytest.mark.control("AC-1")
def test_unknown_accounts_are_closed(
    machine: Machine,
    accounts: list[access.Account],
    policy: Policy,
    subject: Host,
    today: date,
    proof: Proof,
) -> None:
    """No account of a person (uid 1000 and above) is open that the policy does not name."""
    named = {*access.wanted_accounts(policy, subject, today), *policy.kept_on(subject)}
    unknown = [a.login for a in access.people(accounts) if a.login not in named]
    closed = access.expired(machine.ask("getent shadow"), today)
    still_open = [login for login in unknown if login not in closed]
    proof.none(still_open, "no open account that the policy does not name", "getent shadow")


@pytest.mark.control("AC-2")
def test_only_administrators_may_use_sudo(
    machine: Machine, policy: Policy, subject: Host, today: date, proof: Proof
) -> None:
    """Group sudo holds the policy's administrators and kept accounts, and nobody else."""
    admins = {p.login for p in policy.people_on(subject, today) if p.role == "administrator"}
    admins |= {t.login for t in policy.technicians(today)} | set(policy.kept_on(subject))
    members = machine.ask("getent group sudo").strip().rpartition(":")[2].split(",")
    extra = [login for login in members if login and login not in admins]
    proof.none(extra, f"no others than {', '.join(sorted(admins))}", "getent group sudo")


@pytest.mark.control("AC-4")
def test_leavers_have_nothing_left(
    machine: Machine,
    accounts: list[access.Account],
    key_files: dict[str, str],
    policy: Policy,
    subject: Host,
    today: date,
    proof: Proof,
) -> None:
    """Whoever has left has an expired account at most: no key, process, job or group."""
    there = {account.login for account in accounts}
    closed = access.expired(machine.ask("getent shadow"), today)
    found = []
    for login in (leaver.login for leaver in policy.leavers_on(subject, today)):
        if login in key_files:
            found.append(f"{login}: key file")
        if login in there:
            if login not in closed:
                found.append(f"{login}: open account")
            left = machine.ask(f"set -- {login}\n{_LEFT_BEHIND}", name="what leavers left")
            found += [f"{login}: {line}" for line in left.splitlines()]
    proof.none(found, "nothing of those who have left", "getent, ps, find")
