"""Faults for `sabotage.py` that lock the operator out, as a bug or a bad policy would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rempart.engine import run
from rempart.hardening import CONCERNS, firewall, passwords, ssh
from rempart.resources import Change, Directory, File, Observation, Resource, User
from rempart.resources.pam import PROFILES


def rendering(module: Any, path: str, change: Callable[[str], str]) -> None:
    """Change what a module's template for `path` gives."""
    render = module.render

    def changed(name: str, **values: Any) -> str:
        text = render(name, **values)
        return change(text) if name == path else text

    module.render = changed


def also(*resources: Resource) -> None:
    """Want these too."""
    wanted = CONCERNS["ssh"]
    CONCERNS["ssh"] = lambda *given: [*wanted(*given), *resources]


def automation_account(**fields: Any) -> None:
    """Want the account that rempart itself logs in with otherwise than it must be."""
    wanted = CONCERNS["accounts"]

    def changed(policy: Any, *given: Any) -> list[Resource]:
        login = policy.provider.automation.user
        return [
            replace(each, **fields) if isinstance(each, User) and each.login == login else each
            for each in wanted(policy, *given)
        ]

    CONCERNS["accounts"] = changed


@dataclass(frozen=True, kw_only=True)
class Meddler(File):
    """A file whose change does more to the host: `effect`, sh, on what `touched` names."""

    path: str = "/etc/meddled"
    content: str | None = "meddled\n"
    risky: bool = True
    effect: str = ""
    touched: tuple[str, ...] = ()

    def diff(self, seen: Observation) -> Change | None:
        change = super().diff(seen)
        return change and replace(
            change,
            script=f"{change.script}{self.effect}\n",
            touches=(*change.touches, *self.touched),
        )


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


def sshd_config_is_nonsense_to_sshd_alone() -> None:
    """Write what sshd does not understand, unseen by the check."""
    ssh.CHECK = "true"
    rendering(ssh, ssh.DROP_IN, lambda text: f"{text}Nonsense yes\n")


def sshd_listens_elsewhere() -> None:
    """Listen on an address that the host has not got: `sshd -t` is content, and sshd then dies."""
    rendering(ssh, ssh.DROP_IN, lambda text: f"ListenAddress 192.0.2.1\n{text}")


def sshd_does_not_start_again() -> None:
    """Break its unit and restart it, as a package's upgrade would; it is down for a while."""
    folder = "/etc/systemd/system/ssh.service.d"
    also(
        Directory(concern="ssh", risky=True, path=folder),
        Meddler(
            concern="ssh",
            path=f"{folder}/limits.conf",
            content="[Service]\nExecStartPre=/bin/false\n",
            effect="systemctl restart ssh.service || sleep 6",
        ),
    )


def pam_refuses(service: str) -> None:
    """Let PAM refuse every account."""
    content = "auth required pam_deny.so\naccount required pam_deny.so\n"
    also(File(concern="ssh", risky=True, path=f"/etc/pam.d/{service}", content=content))


def pam_profile_refuses() -> None:
    """Enable a profile that refuses every account."""
    fine = "[success=end new_authtok_reqd=done default=ignore]\tpam_unix.so no_pass_expiry"
    path = f"{PROFILES}/rempart-unix"
    rendering(passwords, path, lambda text: text.replace(fine, "requisite\tpam_deny.so"))


def sudoers_are_nonsense() -> None:
    """Leave sudo no rule that it understands."""
    also(File(concern="ssh", risky=True, path="/etc/sudoers", content="nonsense\n", mode="0440"))


def sudo_asks_for_a_password() -> None:
    """Add a valid rule that comes after ours."""
    path, rule = "/etc/sudoers.d/zz-audit", "rempart ALL=(ALL:ALL) PASSWD: ALL\n"
    also(File(concern="ssh", risky=True, path=path, content=rule, mode="0440"))


def account_is_expired() -> None:
    """Let the automation account end, unseen by the check of the way in."""
    run.refusals = lambda *given: []
    automation_account(until=date(2020, 1, 1))


def account_has_shell(shell: str) -> None:
    """Give the automation account another shell."""
    automation_account(shell=shell)


def host_key_is_new() -> None:
    """Change the host key that the operator has pinned."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        pem.Encoding.PEM, pem.PrivateFormat.OpenSSH, pem.NoEncryption()
    ).decode()
    public = key.public_key().public_bytes(pem.Encoding.OpenSSH, pem.PublicFormat.OpenSSH).decode()
    path = "/etc/ssh/ssh_host_ed25519_key"
    common: dict[str, Any] = {"concern": "ssh", "risky": True, "reloads": ("ssh.service",)}
    also(
        File(**common, path=path, content=private, mode="0600", secret=True),
        File(**common, path=f"{path}.pub", content=f"{public}\n"),
    )


def default_routes_go() -> None:
    """Take the default routes away, of both families."""
    also(Meddler(concern="ssh", effect="ip route del default; ip -6 route del default"))


def default_route_leads_elsewhere() -> None:
    """Send what is for other networks to a neighbour that forwards nothing."""
    also(Meddler(concern="ssh", effect="ip route replace default via 10.77.0.200 onlink dev eth0"))


def folders_go() -> None:
    """Remove a folder with what is in it, and an empty one; and lock the operator out."""
    sshd_reads_keys_elsewhere()
    effect = "rmdir /etc/cabinet.empty"
    also(
        File(concern="ssh", risky=True, path="/etc/cabinet", content=None),
        Meddler(concern="ssh", effect=effect, touched=("directory:/etc/cabinet.empty",)),
    )


def brittle_unit_is_touched() -> None:
    """Lock the operator out, with a unit among what is changed that does not start again."""
    sshd_reads_keys_elsewhere()
    also(Meddler(concern="ssh", touched=("unit:brittle.service",)))


FAULTS: dict[str, Callable[..., None]] = {
    fault.__name__: fault
    for fault in (
        firewall_forgets_ssh,
        firewall_cuts_everything,
        sshd_wants_another_group,
        sshd_reads_keys_elsewhere,
        sshd_config_is_nonsense_to_sshd_alone,
        sshd_listens_elsewhere,
        sshd_does_not_start_again,
        pam_refuses,
        pam_profile_refuses,
        sudoers_are_nonsense,
        sudo_asks_for_a_password,
        account_is_expired,
        account_has_shell,
        host_key_is_new,
        default_routes_go,
        default_route_leads_elsewhere,
        folders_go,
        brittle_unit_is_touched,
    )
}
