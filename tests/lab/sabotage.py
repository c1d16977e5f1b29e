"""Run `rempart` with one fault built in: `python sabotage.py FAULT apply …`.

Each fault replaces one function of rempart, as a bug or a bad policy would; everything else, from
the command line to the host, is the real thing.
"""

# ruff: noqa: E402  (what opens sockets must be imported after gevent's patching)
from gevent import monkey

monkey.patch_all()

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rempart.cli import main
from rempart.engine import deploy, guard
from rempart.errors import RempartError
from rempart.hardening import firewall, ssh


def rendering(module: Any, path: str, change: Callable[[str], str]) -> None:
    """Change what a module's template for `path` gives."""
    render = module.render

    def changed(name: str, **values: Any) -> str:
        text = render(name, **values)
        return change(text) if name == path else text

    module.render = changed


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


def firewall_forgets_ssh() -> None:
    """Open no port: no new connection comes in."""
    firewall.rules = lambda policy, host: []


def firewall_cuts_everything() -> None:
    """Drop the open connections too: the run's own is dead the moment the rules are loaded."""
    firewall.rules = lambda policy, host: []
    known = "ct state established,related accept"
    rendering(firewall, firewall.RULES, lambda text: text.replace(known, ""))


def sshd_wants_another_group() -> None:
    """Let in a group that the automation account is not in, unseen by the check."""
    ssh.CHECK = 'sshd -t -f "$CANDIDATE"'
    rendering(
        ssh, ssh.DROP_IN, lambda text: text.replace(f"AllowGroups {ssh.SSH_GROUP}", "AllowGroups x")
    )


def sshd_reads_keys_elsewhere() -> None:
    """Look for keys where there are none; every check is content with it."""
    rendering(ssh, ssh.DROP_IN, lambda text: text.replace("authorized_keys.d/%u", "nothing.d/%u"))


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


def disk_fills_up(left_kib: str) -> None:
    """Fill the filesystem of rempart's state just before the switch, but for so much."""
    switch = guard.Guard.switch

    def full(self: guard.Guard) -> str:
        filler = "/var/lib/rempart/filler"
        fill = f"dd if=/dev/zero of={filler} bs=1k 2>/dev/null || :\n"
        return fill + f"truncate -s -{left_kib}K {filler}\n" + switch(self)

    guard.Guard.switch = full  # type: ignore[method-assign]


FAULTS: dict[str, Callable[..., None]] = {
    fault.__name__: fault
    for fault in (
        stop_before_guard,
        pause_before_guard,
        firewall_forgets_ssh,
        firewall_cuts_everything,
        sshd_wants_another_group,
        sshd_reads_keys_elsewhere,
        proof_never_ends,
        sshd_config_is_invalid,
        firewall_rules_are_invalid,
        disk_fills_up,
    )
}

if __name__ == "__main__":
    fault, *details = sys.argv.pop(1).split(":")
    FAULTS[fault](*details)
    main()
