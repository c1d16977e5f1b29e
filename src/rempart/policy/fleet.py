"""The practices' hosts as groups of plain pyinfra: ``practice/host`` names and plain data.

{"workstations": [("@rempart/lab/accueil-1", {"rempart_policy": "/…/lab.yaml", …})], …}
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from rempart.errors import RempartError
from rempart.policy.host import Host
from rempart.policy.load import load
from rempart.policy.mistake import Mistake, PolicyError
from rempart.policy.model import Policy
from rempart.policy.source import read_source

VARIABLE = "REMPART_INVENTORIES"
SHIPPED = ("example.yaml", "lab.yaml", "lab-annexe.yaml", "vagrant.yaml")
"""Practices that come with the project: nobody's fleet, unless they are named."""

HostData = dict[str, str | int]
Groups = dict[str, list[tuple[str, HostData]]]


def fleet(folder: Path, environment: Mapping[str, str] = os.environ) -> Groups:
    """Return pyinfra's groups: one per role (``workstations``, ``sftp_servers``), one per practice.

    The practices are the files that ``REMPART_INVENTORIES`` names (colon-separated), or else all
    practice files of the folder but the shipped ones. One wrong file refuses the whole fleet: a
    host that is left out in silence would count as clean. Raises `RempartError`.
    """
    named = [Path(name) for name in environment.get(VARIABLE, "").split(":") if name]
    paths = named or practice_files(folder)
    if not paths:
        raise RempartError(
            f"{folder}: no practice file of your own; write {folder}/<practice>.yaml after"
            f" example.yaml, or name files in {VARIABLE}={folder}/lab.yaml"
        )
    return groups(_load_all(paths))


def practice_files(folder: Path) -> list[Path]:
    """Return the practice files of a folder, sorted; provider files and shipped ones left out."""
    files = (path for path in sorted(folder.glob("*.yaml")) if path.name not in SHIPPED)
    return [path for path in files if not _is_provider(path)]


def _is_provider(path: Path) -> bool:
    try:
        keys = read_source(path).data.keys()
    except PolicyError:
        return False  # loading it as a practice says what is wrong
    return "management" in keys and "practice" not in keys


def _load_all(paths: Sequence[Path]) -> list[Policy]:
    policies: list[Policy] = []
    mistakes: list[Mistake] = []
    for path in dict.fromkeys(path.resolve() for path in paths):
        try:
            policies.append(load(path))
        except PolicyError as error:
            mistakes += error.mistakes
    if mistakes:
        raise PolicyError(mistakes)
    return policies


def groups(policies: Sequence[Policy]) -> Groups:
    """Return the hosts of several practices by role and by practice; practices' names differ."""
    grouped: Groups = defaultdict(list)
    for policy in policies:
        practice = policy.practice.name
        if practice in grouped or practice in {f"{host.role}s" for host in policy.hosts} | {"all"}:
            raise RempartError(
                f"{policy.path}: practice.name: is taken already (got {practice!r}); rename it"
            )
        for host in policy.hosts:
            entry = (f"@rempart/{policy.host_id(host)}", _data(policy, host))
            grouped[practice].append(entry)
            grouped[f"{host.role}s"].append(entry)
    return dict(grouped)


def _data(policy: Policy, host: Host) -> HostData:
    route = policy.route(host)
    return {
        "ssh_hostname": route.address,
        "ssh_port": route.port,
        "ssh_user": route.user,
        "ssh_key": str(route.key_file),
        "rempart_policy": str(policy.path),
        "rempart_host": host.name,
    }
