"""First contact: which host key is the host's, decided by a person, before anything is sent."""

from __future__ import annotations

from collections.abc import Callable

from rempart.engine.connection import place
from rempart.engine.hostkey import PREFERRED, RSA_SIGNATURES, pin, pinned
from rempart.engine.route import Route
from rempart.engine.transport import dial
from rempart.enroll.error import EnrollError
from rempart.enroll.root import LOGIN_TIMEOUT_S


def trust(route: Route, fingerprint: str | None, confirm: Callable[[str], bool]) -> bool:
    """Pin the host's key after confirmation; return whether it was pinned only now.

    ``fingerprint`` (``SHA256:…``) decides where it is given; otherwise ``confirm`` does, with the
    question to show. A key that is pinned already is not asked about again: ``reach`` holds the
    host to it.

    Raises:
        EnrollError: another fingerprint, or not confirmed. Nothing was sent.
        TransportError: the host cannot be reached.
    """
    if route.known_hosts.exists():
        keys = pinned(route.known_hosts, route.name)
        if fingerprint and fingerprint not in {key.fingerprint for key in keys}:
            raise _wrong(route, "the pinned key", keys[0].fingerprint, fingerprint)
        return False
    with dial(route, [*PREFERRED, *RSA_SIGNATURES], LOGIN_TIMEOUT_S) as connection:
        key = connection.host_key
    shown = f"{key.get_name()} {key.fingerprint}"
    if fingerprint and fingerprint != key.fingerprint:
        raise _wrong(route, "the host's key", shown, fingerprint)
    if not fingerprint and not confirm(
        f"{route.name} at {place(route)} shows the host key {shown}. "
        "Is it the one on the host's console ('ssh-keygen -lf' of its public key)?"
    ):
        raise EnrollError(
            f"{route.name}: {place(route)}: host key not confirmed (got {shown}); nothing was "
            "sent, read the right one on the host's console"
        )
    pin(route.known_hosts, route.name, key)
    return True


def _wrong(route: Route, whose: str, shown: str, given: str) -> EnrollError:
    return EnrollError(
        f"{route.name}: {place(route)}: {whose} is not {given} (got {shown}); nothing was sent, "
        "someone may be in between: compare on the host's console"
    )
