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


def firewall_forgets_ssh() -> None:
    """Open no port: no new connection comes in."""
    firewall.rules = lambda policy, host: []


def firewall_cuts_everything() -> None:
    """Drop the open connections too: the run's own is dead the moment the rules are loaded."""
    firewall.rules = lambda policy, host: []
    rendering(
        firewall, firewall.RULES, lambda text: text.replace("ct state established,related", "")
    )


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


FAULTS = {
    fault.__name__: fault
    for fault in (
        stop_before_guard,
        firewall_forgets_ssh,
        firewall_cuts_everything,
        sshd_wants_another_group,
        sshd_reads_keys_elsewhere,
        proof_never_ends,
    )
}

if __name__ == "__main__":
    FAULTS[sys.argv.pop(1)]()
    main()
