"""AC-1: who may have jobs that run without a login: root and those of whom the policy says so."""

from __future__ import annotations

from datetime import date

import pytest

from rempart.policy import Host, Policy
from rempart.verify import access
from rempart.verify.machine import Machine
from rempart.verify.proof import Proof

pytestmark = pytest.mark.control("AC-1")

# Of each login, the programs that would take a job of theirs.
_ASK = """
for login; do
    for program in crontab at; do
        command -v $program > /dev/null || continue
        said=$(runuser -u "$login" -- $program -l 2>&1)
        case $said in
            *'not allowed to use'* | *'not have permission to use'*) ;;
            *) echo "$login $program" ;;
        esac
    done
done
echo end
"""


def test_jobs_are_for_the_policys_people(
    machine: Machine,
    accounts: list[access.Account],
    policy: Policy,
    subject: Host,
    today: date,
    proof: Proof,
) -> None:
    """crontab and at refuse everybody whom the policy does not allow them, and take the others."""
    allowed = {p.login for p in policy.people_on(subject, today) if p.scheduled_jobs}
    logins = [a.login for a in access.people(accounts) if access.is_safe(a.login)][:200]
    asked = ["nobody", "root", *logins]
    said = machine.ask(f"set -- {' '.join(asked)}\n{_ASK}", name="crontab -l, at -l").splitlines()
    proof.that(said[-1:] == ["end"], "an answer", "none", "crontab -l, at -l")
    may = {line.split()[0] for line in said[:-1]}
    extra = sorted(may - allowed - {"root"})
    wanted = f"nobody but {', '.join(['root', *sorted(allowed)])}"
    proof.none(extra, wanted, "crontab -l, at -l as each of them")
    there = {account.login for account in accounts}
    if may:  # one of the programs is there
        kept_out = sorted((allowed & there | {"root"}) - may)
        proof.none(kept_out, "nobody kept out whom the policy allows", "crontab -l, at -l")
