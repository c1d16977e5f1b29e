"""Run `rempart` with faults built in: `python sabotage.py FAULT[:DETAIL…][+FAULT…] apply …`.

Each fault replaces one function of rempart, as a bug or a bad policy would; everything else, from
the command line to the host, is the real thing.
"""

# ruff: noqa: E402  (what opens sockets must be imported after gevent's patching)
from gevent import monkey

monkey.patch_all()

import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import interruption
import lockout
from lockout import rendering
from paramiko import ECDSAKey, Transport

from rempart.cli import main
from rempart.engine import deploy, guard, operations
from rempart.engine.route import Route
from rempart.engine.transport import log_in, reach
from rempart.errors import RempartError
from rempart.hardening import firewall, ssh
from rempart.resources import File


def stop_before_guard() -> None:
    """End the run when the packages and all harmless changes are made."""

    def stop(self: deploy.Deploy, *concerns: str) -> None:
        raise RempartError("stopped here")

    deploy.Deploy.guarded = stop  # type: ignore[method-assign]


def pause_before_guard(until: str) -> None:
    """Say nothing to the host until a file is there, when its harmless changes are made."""
    guarded = deploy.Deploy.guarded

    def later(self: deploy.Deploy, *concerns: str) -> None:
        while not Path(until).exists():
            time.sleep(0.1)
        guarded(self, *concerns)

    deploy.Deploy.guarded = later  # type: ignore[method-assign]


def proof_is_late(seconds: str) -> None:
    """Begin to prove the new login only so long after the switch."""
    confirm = guard._confirm

    def late(*given: Any, **more: Any) -> str:
        time.sleep(float(seconds))
        return confirm(*given, **more)

    guard._confirm = late


def proof_waits_for(path: str) -> None:
    """Begin to prove the new login only when a file is there."""
    confirm = guard._confirm

    def late(*given: Any, **more: Any) -> str:
        while not Path(path).exists():
            time.sleep(0.1)
        return confirm(*given, **more)

    guard._confirm = late


def failed_logins(route: Route, guess: Callable[[Transport], list[str]]) -> None:
    """Fail eight logins at once from the controller's own address, and one more."""

    def fail(_: int) -> None:
        with suppress(RempartError), reach(route) as connection:
            log_in(connection, partial(guess, connection.transport))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(fail, range(8)))
    fail(9)


def wrong_passwords_before_the_switch() -> None:
    """Let somebody at the controller's address mistype a password while changes are staged."""
    carry_out = operations.carry_out

    def late(*given: Any) -> None:
        failed_logins(given[-1], lambda transport: transport.auth_password("admin", "guess"))
        carry_out(*given)

    operations.carry_out = late


def wrong_keys_after_the_switch() -> None:
    """Let somebody there try a wrong key before the proof, where sshd exempts no address."""
    rendering(
        ssh, ssh.DROP_IN, lambda text: text.replace("PerSourcePenaltyExemptList", "# without")
    )
    confirm, key = guard._confirm, ECDSAKey.generate()

    def late(given: guard.Guard, route: Route, until: float) -> str:
        failed_logins(route, lambda transport: transport.auth_publickey(route.user, key))
        return confirm(given, route, until)

    guard._confirm = late


def proof_never_ends() -> None:
    """Never prove the new login."""

    def prove(*arguments: object, **more: object) -> str:
        time.sleep(3600)
        return ""

    guard._confirm = prove


def sshd_config_is_invalid() -> None:
    """Write what sshd does not understand."""
    rendering(ssh, ssh.DROP_IN, lambda text: text + "Nonsense yes\n")


def firewall_rules_are_invalid() -> None:
    """Write what nft does not understand."""
    rendering(firewall, firewall.RULES, lambda text: text + "nonsense\n")


def wants_a_file(path: str, risky: str) -> None:
    """Want a file of root's there, by a change that is `risky` or `harmless`."""
    lockout.also(File(concern="ssh", risky=risky == "risky", path=path, content="ours\n"))


def disk_fills_up(left_kib: str) -> None:
    """Fill the filesystem of rempart's state just before the switch, but for so much."""
    switch = guard.Guard.switch

    def full(self: guard.Guard) -> str:
        filler = "/var/lib/rempart/filler"
        fill = f"dd if=/dev/zero of={filler} bs=1k 2>/dev/null || :\n"
        return fill + f"truncate -s -{left_kib}K {filler}\n" + switch(self)

    guard.Guard.switch = full  # type: ignore[method-assign]


OWN: tuple[Callable[..., None], ...] = (
    stop_before_guard,
    pause_before_guard,
    proof_is_late,
    proof_waits_for,
    wrong_passwords_before_the_switch,
    wrong_keys_after_the_switch,
    proof_never_ends,
    sshd_config_is_invalid,
    firewall_rules_are_invalid,
    disk_fills_up,
    wants_a_file,
)
FAULTS = lockout.FAULTS | interruption.FAULTS | {fault.__name__: fault for fault in OWN}

if __name__ == "__main__":
    for each in sys.argv.pop(1).split("+"):
        fault, *details = each.split(":")
        FAULTS[fault](*details)
    main()
