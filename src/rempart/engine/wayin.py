"""The way in: a plan that would shut the operator out is refused before anything is sent (FW-5)."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

from rempart.hardening.accounts import KEY_FOLDER, SSH_GROUP
from rempart.policy import Host, Policy
from rempart.resources import File, Observation, Resource, User

NOBODY = 65534


def refusals(
    policy: Policy, host: Host, desired: Sequence[Resource], seen: Observation
) -> list[str]:
    """Return why the wanted state would end the connection that this observation came over."""
    (way, *_) = seen.get("way", "ssh")
    words = way.split(" ")
    try:
        source, port = ip_address(words[0]), int(words[3])
    except (ValueError, IndexError):
        return ["it does not say from which address this connection comes; is sshd behind a proxy?"]
    user = policy.provider.automation.user
    wanted = {resource.id: resource for resource in desired}
    reasons = []
    if not any(source in network for network in policy.automation_sources(host)):
        inside = f"hosts[{host.jump}].inside in {policy.path.name}"
        reasons.append(
            f"this connection comes from {source}, which the wanted firewall shuts out;"
            f" add it to {inside if host.jump else 'management in the provider file'}"
        )
    if port != host.port:
        reasons.append(
            f"this connection comes in on port {port}, the policy opens port {host.port};"
            f" write hosts[{host.name}].port: {port} if that is where sshd listens"
        )
    keys = wanted.get(f"file:{KEY_FOLDER}/{user}")
    key = policy.provider.automation.public_key.split(" ")[1]
    if not (isinstance(keys, File) and key in (keys.content or "")):
        reasons.append(f"the wanted key file of {user} does not hold the automation key")
    account = wanted.get(f"user:{user}")
    if not (isinstance(account, User) and SSH_GROUP in account.groups and account.until is None):
        reasons.append(f"the wanted account {user} is not in group {SSH_GROUP} for ever")
    return reasons + _system_accounts(desired, seen)


def _system_accounts(desired: Sequence[Resource], seen: Observation) -> list[str]:
    """Return why an account that the system made for a daemon must not become a person's."""
    return [
        f"the login {account.login} is a system account here (uid {uid}); choose another login"
        for account in desired
        if isinstance(account, User) and not account.system
        for uid in seen.get("user", account.login)[2:3]
        if not (uid.isdigit() and 1000 <= int(uid) < NOBODY)
    ]
