"""One login, one key, one person: or the log could not tell who came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rempart.policy.exchange import Correspondent
from rempart.policy.mistake import shown
from rempart.policy.person import Named, Person
from rempart.policy.provider import Provider, Technician
from rempart.policy.source import Finding, Location

AUTOMATION = "the automation account"
Bearer = Technician | Person | Correspondent
WHO = {
    "technicians": "a technician",
    "people": "a person",
    "accounts": "an account that is kept",
    "exchange": "a correspondent",
}


def doubled_logins(logins: Mapping[Location, str], taken: dict[str, str]) -> Iterator[Finding]:
    """Yield the logins that are taken already; ``taken`` says by whom."""
    taken = dict(taken)
    for where, login in logins.items():
        if login in taken:
            what = f"is also the login of {taken[login]}"
            yield where, what, shown(login), "choose another login"
        taken.setdefault(login, WHO[str(where[0])])


def shared_keys(bearers: Mapping[Location, Bearer], owners: dict[str, str]) -> Iterator[Finding]:
    """Yield the keys that belong to somebody else already; ``owners`` is by key."""
    owners = dict(owners)
    for where, bearer in bearers.items():
        for index, key in enumerate(bearer.keys):
            owner = owners.setdefault(_blob(key.text), bearer.login)
            if owner != bearer.login:
                what = f"is also a key of {owner}"
                yield (*where, "keys", index), what, None, "give each person a key of their own"


def provider_logins(provider: Provider) -> dict[str, str]:
    """Return who has which login on every host of every practice."""
    logins = dict.fromkeys((t.login for t in provider.technicians), WHO["technicians"])
    return logins | {provider.automation.user: AUTOMATION}


def provider_keys(provider: Provider) -> dict[str, str]:
    """Return whose key is which on every host of every practice."""
    owners = {_blob(key.text): t.login for t in provider.technicians for key in t.keys}
    return owners | {_blob(provider.automation.public_key): AUTOMATION}


def crosscheck_provider(provider: Provider) -> Iterator[Finding]:
    """Yield the mistakes between the entries of a provider file."""
    places: dict[Location, Technician] = {
        ("technicians", index): technician for index, technician in enumerate(provider.technicians)
    }
    logins: dict[Location, str] = {
        (*where, "login"): technician.login for where, technician in places.items()
    }
    automation = provider.automation
    yield from doubled_logins(logins, {automation.user: AUTOMATION})
    yield from shared_keys(places, {_blob(automation.public_key): AUTOMATION})
    yield from _shared_age_keys(places)
    yield from reversed_dates(places)


def _shared_age_keys(technicians: Mapping[Location, Technician]) -> Iterator[Finding]:
    owners: dict[str, str] = {}
    for where, technician in technicians.items():
        for index, key in enumerate(technician.age_keys):
            owner = owners.setdefault(key, technician.login)
            if owner != technician.login:
                what = f"is also a key of {owner}"
                yield (*where, "age_keys", index), what, None, "give each person a key of their own"


def reversed_dates(people: Mapping[Location, Named]) -> Iterator[Finding]:
    """Yield the last days that are before the first ones."""
    for where, person in people.items():
        if person.from_ and person.until and person.until < person.from_:
            what = f"is before 'from' ({person.from_})"
            yield (*where, "until"), what, shown(person.until), "correct one of the two dates"


def _blob(key: str) -> str:
    return key.split()[1]
