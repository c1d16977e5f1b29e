"""Practices of a test's own, on throwaway lab hosts: written, enrolled, and `rempart` run on them.

>>> inventory = practice.enrolled(tmp_path, {"a": host, "b": other}, people=[practice.MARIE])
>>> practice.rempart("plan", inventory).returncode
2
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from lab import place, secret
from lab.host import Host
from rempart.enroll import Person, enroll, in_order
from rempart.policy import load

BIN = Path(sys.executable).parent
READY = "debian-12-ready"
"""An image with the packages that hardening installs, for tests that are about something else."""

MANAGEMENT = ("10.77.0.1/32", "fd77::1/128")

THOMAS = {
    "login": "t.leroy",
    "name": "Thomas Leroy",
    "keys": [{"file": str(place.KEYS / "t.leroy.pub")}],
}
"""A technician with an account on every host."""

MARIE = {
    "login": "m.durand",
    "name": "Marie Durand",
    "role": "practitioner",
    "keys": [{"file": str(place.KEYS / "m.durand.pub"), "expires": "2036-12-31"}],
}
"""A person with a key; her account is on all hosts unless `hosts` is added."""


INSTALLERS = {"kept": [{"login": "admin", "reason": "compte de l'installation"}]}
"""What becomes of accounts that are nobody's: the stock hosts' `admin` stays."""


def write(
    folder: Path,
    hosts: Mapping[str, Host],
    *,
    name: str = "t",
    jumps: Mapping[str, str] | None = None,
    roles: Mapping[str, str] | None = None,
    people: Sequence[Mapping[str, Any]] = (),
    services: Sequence[Mapping[str, Any]] = (),
    technicians: Sequence[Mapping[str, Any]] = (THOMAS,),
    management: Sequence[str] = MANAGEMENT,
    accounts: Mapping[str, Any] = INSTALLERS,
) -> Path:
    """Write practice `name` (`name`.yaml, provider.yaml) with these hosts by name; return its path.

    `jumps` gives a host's jump host, `roles` other roles than `workstation`; people and services
    are as in the YAML, on all hosts where they name none.
    """
    jumps, roles, everywhere = jumps or {}, roles or {}, {"hosts": list(hosts)}
    folder.mkdir(parents=True, exist_ok=True)
    provider = {
        "name": "Labo",
        "management": list(management),
        "automation": {"user": "rempart", "key": str(place.KEYS / "automation")},
        "technicians": list(technicians),
    }
    practice = {
        "practice": {"name": name, "title": f"Cabinet {name.upper()}"},
        "provider": "provider.yaml",
        "people": [everywhere | dict(person) for person in people],
        "hosts": [
            {"name": each, "role": roles.get(each, "workstation"), "address": host.address}
            | ({"jump": jumps[each]} if each in jumps else {})
            | ({"inside": host.address} if each in jumps.values() else {})
            for each, host in hosts.items()
        ],
        "accounts": dict(accounts),
        "firewall": {"services": [everywhere | dict(service) for service in services]},
    }
    _yaml().dump(provider, folder / "provider.yaml")
    _yaml().dump(practice, folder / f"{name}.yaml")
    return folder / f"{name}.yaml"


def edit(file: Path, change: Callable[[Any], object]) -> None:
    """Change what stands in a YAML file; `change` gets its data and alters it in place."""
    data = _yaml().load(file)
    change(data)
    _yaml().dump(data, file)


def enrol(inventory: Path, hosts: Mapping[str, Host]) -> None:
    """Enrol hosts with their administrators' passwords, jump hosts first, the others at a time."""
    policy = load(inventory)

    def one(name: str) -> None:
        host = hosts[name]
        person = Person("admin", lambda _: host.admin_password, _never, _fingerprint(host))
        enroll(policy, policy.host(name), person, lambda text: None)

    ordered = in_order(policy, [policy.host(name) for name in hosts])
    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(one, [host.name for host in ordered if not host.jump]))
        list(pool.map(one, [host.name for host in ordered if host.jump]))


def enrolled(folder: Path, hosts: Mapping[str, Host], **what: Any) -> Path:
    """Write a practice (see `write`) and enrol all its hosts; return its path."""
    inventory = write(folder, hosts, **what)
    enrol(inventory, hosts)
    return inventory


def rempart(
    *arguments: object, stdin: str = "", timeout_s: float = 300, **more: Any
) -> subprocess.CompletedProcess[str]:
    """Run `rempart` as people do, without a terminal; `more` goes to subprocess.run."""
    return run("rempart", *arguments, stdin=stdin, timeout_s=timeout_s, **more)


def planned(inventory: Path, *arguments: object) -> dict[str, dict[str, list[str]]]:
    """Return what `rempart plan` would change: ``{"t/a": {"Write /etc/x": ["- old", …]}, …}``.

    A host that could not be planned is an AssertionError.
    """
    done = rempart("plan", inventory, "--json", *arguments)
    assert done.returncode in (0, 2), done.stdout + done.stderr
    plan = json.loads(done.stdout)
    return {
        host["host"]: {change["label"]: change["diff"] for change in host["changes"]}
        for host in plan["hosts"]
    }


def run(
    program: str, *arguments: object, stdin: str = "", timeout_s: float = 300, **more: Any
) -> subprocess.CompletedProcess[str]:
    """Run a console script of the environment that the tests run in."""
    command = [str(BIN / program), *map(str, arguments)]
    # Bytes that are no UTF-8 must reach the test as they are, to be found there.
    return subprocess.run(
        command, input=stdin, capture_output=True, encoding="utf-8", errors="surrogateescape",
        check=False, timeout=timeout_s, **more,
    )  # fmt: skip


def _fingerprint(host: Host) -> str:
    return secret.fingerprint(host.spec)


def _never(question: str) -> bool:
    raise AssertionError(f"enrolment asked although the fingerprint was given: {question}")


def _yaml() -> YAML:
    yaml = YAML()
    yaml.default_flow_style = False
    # A policy may hold no aliases, which shared lists would become.
    yaml.representer.ignore_aliases = lambda data: True
    return yaml
