"""PW-1, PW-2, PW-4, PW-5: passwords tried for real, on an account that ends with the attempt."""

from __future__ import annotations

from collections import Counter
from datetime import date
from importlib.resources import files

import pytest

from rempart.policy import Host, Policy
from rempart.verify import passwords
from rempart.verify.machine import AnswerError, Machine
from rempart.verify.proof import Proof

LONGEST_DAYS, ROOT_LONGEST_DAYS = 180, 365
HOW = "passwd and su on a throwaway account"


@pytest.fixture(scope="module")
def tried(machine: Machine) -> Counter[str]:
    """What became of each attempt, see ``remote/passwords.sh``."""
    script = files("rempart.verify").joinpath("remote", "passwords.sh").read_text()
    inside = "unshare --mount --propagation=private sh -c"
    words = "\n".join([passwords.good(), passwords.good(), *passwords.weak(), ""])
    quoted = "'" + script.replace("'", "'\\''") + "'"
    said = machine.ask(f"{inside} {quoted} <<'WORDS'\n{words}WORDS\n", name="trying passwords")
    outcomes = Counter(said.splitlines())
    if not outcomes:
        raise AnswerError("trying passwords: no attempt went through")
    return outcomes


@pytest.mark.control("PW-1")
def test_weak_passwords_are_refused(tried: Counter[str], proof: Proof) -> None:
    """Weak passwords are refused, even from root, and a good one is not."""
    weak, all_ = tried["weak refused"], len(passwords.weak())
    proof.that(weak == all_, f"{all_} of {all_} refused", f"{weak} of {all_} refused", HOW)
    good = tried["good accepted"]
    proof.that(good == 1, "a good one accepted", "accepted" if good else "refused", HOW)


@pytest.mark.control("PW-2")
def test_passwords_are_renewed(
    machine: Machine, policy: Policy, subject: Host, today: date, proof: Proof
) -> None:
    """Root's and people's passwords end, with a warning of a week or more before."""
    people = [*policy.technicians(today), *policy.people_on(subject, today)]
    limits = {person.login: LONGEST_DAYS for person in people} | {"root": ROOT_LONGEST_DAYS}
    limits |= dict.fromkeys(policy.kept_on(subject), LONGEST_DAYS)
    wrong = []
    for line in machine.ask("getent shadow").splitlines():
        login, *fields = line.split(":")
        if login in limits and len(fields) == 8:
            longest, warning = fields[3], fields[4]
            if not (longest.isdigit() and 0 < int(longest) <= limits[login]):
                wrong.append(f"{login}: {longest or 'no'} days")
            elif not (warning.isdigit() and int(warning) >= 7):
                wrong.append(f"{login}: warned {warning or 'no'} days before")
    proof.none(wrong, f"at most {LONGEST_DAYS} days, root's {ROOT_LONGEST_DAYS}", "getent shadow")


@pytest.mark.control("PW-2")
def test_no_password_is_asked_of_who_has_a_key(tried: Counter[str], proof: Proof) -> None:
    """An expired password keeps nobody out who did not come in with it."""
    opens = tried["no password asked of keys"]
    proof.that(opens == 1, "lets in", "lets in" if opens else "keeps out", HOW)


@pytest.mark.control("PW-4")
def test_guessing_locks(tried: Counter[str], proof: Proof) -> None:
    """The right password opens, and opens no more after three wrong ones."""
    opens, locks = tried["right opens"], tried["guesses lock"]
    proof.that(opens == 1, "the right one opens", "opens" if opens else "does not open", HOW)
    proof.that(locks == 1, "locked after three", "locked" if locks else "still open", HOW)


@pytest.mark.control("PW-5")
def test_no_reuse_and_stored_well(tried: Counter[str], proof: Proof) -> None:
    """Passwords are stored with yescrypt, can be renewed, and not be taken again."""
    wanted = ("stored yescrypt", "renewal accepted", "reuse refused")
    missing = [each for each in wanted if not tried[each]]
    proof.none(missing, ", ".join(wanted) + "; none missing", HOW)
