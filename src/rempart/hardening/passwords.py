"""Passwords: long ones, renewed, not guessed at, stored well (PW-1, PW-2, PW-4, PW-5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from rempart.policy import Host, Policy, Traits
from rempart.resources import Ageing, Package, Pam, Resource, Setting
from rempart.template import render

LENGTH = {"minimal": 12, "intermediary": 12, "enhanced": 15}
MAX_DAYS = 180
ROOT_MAX_DAYS = 365
"""Root's password is in a safe and opens the console alone."""
WARN_DAYS = 14
REMEMBER = 5

PACKAGES = ("cracklib-runtime", "libpam-pwquality")
"""Without the first one's dictionary pam_pwquality refuses every password."""

# pwquality.conf(5): it is read after its drop-ins, so what stands in the file itself wins.
QUALITY = "/etc/security/pwquality.conf"
FAILLOCK = "/etc/security/faillock.conf"
LOGIN_DEFS = "/etc/login.defs"
PROFILES = {
    "rempart-unix": ("PW-2", "PW-5"),
    "rempart-faillock": ("PW-4",),
    "rempart-faillock-notify": ("PW-4",),
}
AUDITED_ROUNDS = {"12": 65536}
"""What ANSSI-BP-028 R68 asks of sha512, where PAM (1.5) takes it as yescrypt's own cost.
Later PAM takes it as the largest cost of all."""


def desired(policy: Policy, host: Host, traits: Traits, today: date) -> Sequence[Resource]:
    """Return what makes passwords good, renewed and hard to guess at."""
    rounds = AUDITED_ROUNDS.get(traits.release)
    return [
        *(
            Package(concern="passwords", controls=("PW-1",), package=package)
            for package in PACKAGES
        ),
        *(
            Setting(
                concern="passwords",
                controls=(control,),
                risky=True,
                path=path,
                setting=setting,
                value=value,
            )
            for path, setting, value, control in _settings(LENGTH[policy.baseline])
        ),
        *(
            Pam(
                concern="passwords",
                controls=controls,
                risky=True,
                name=name,
                content=render(f"/usr/share/pam-configs/{name}", remember=REMEMBER, rounds=rounds),
            )
            for name, controls in PROFILES.items()
        ),
        *_ageing(policy, host, today),
    ]


def _settings(length: int) -> list[tuple[str, str, str, str]]:
    """Return (file, key, value, control).

    ANSSI-BP-028 R31: three failures lock for fifteen minutes; root stays usable at the console.
    """
    quality = {"minlen": length, "minclass": 4, "dcredit": -1, "lcredit": -1, "ocredit": -1}
    quality |= {"ucredit": -1, "retry": 3, "enforce_for_root": 1}
    guesses = {"deny": 3, "fail_interval": 900, "unlock_time": 900}
    return [
        *((QUALITY, key, f"= {value}", "PW-1") for key, value in quality.items()),
        *((FAILLOCK, key, f"= {value}", "PW-4") for key, value in guesses.items()),
        (LOGIN_DEFS, "PASS_MAX_DAYS", str(MAX_DAYS), "PW-2"),
        (LOGIN_DEFS, "PASS_WARN_AGE", str(WARN_DAYS), "PW-2"),
        (LOGIN_DEFS, "ENCRYPT_METHOD", "YESCRYPT", "PW-5"),
    ]


def _ageing(policy: Policy, host: Host, today: date) -> list[Ageing]:
    """Return the renewal for root and all people; `no_pass_expiry` spares who comes with a key."""
    people = [*policy.technicians(today), *policy.people_on(host, today)]
    logins = [*policy.kept_on(host), *(person.login for person in people)]
    days = {"root": ROOT_MAX_DAYS} | dict.fromkeys(logins, MAX_DAYS)
    return [
        Ageing(
            concern="passwords",
            controls=("PW-2",),
            risky=True,
            login=login,
            max_days=max_days,
            warn_days=WARN_DAYS,
        )
        for login, max_days in days.items()
    ]
