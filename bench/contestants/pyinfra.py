"""Stock pyinfra: the same desired state as its own operations, one call each, as people write them.

What it has no operation for is left out, in its favour: the age of passwords, folders that hold
nothing unknown, a setting on each interface, the manifest, the guard, whether the running firewall
is the one that was loaded.
A unit that is to be off and is not there is no change to `systemd.service`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.contestants.base import Contestant, folder_of
from bench.field import Field, Target
from bench.measure import Done
from rempart.resources import (
    Ageing,
    Directory,
    File,
    Group,
    Interfaces,
    Package,
    Pam,
    Permission,
    Resource,
    Roster,
    Setting,
    Sysctl,
    Unit,
    User,
)

COMMAND = str(Path(sys.executable).with_name("pyinfra"))

Call = tuple[str, dict[str, Any]]
"""An operation and its arguments: ``("server.group", {"name": "Make group x", "group": "x"})``."""


def prepare(field: Field) -> Contestant:
    """Return ``pyinfra --dry``, which plans and leaves it at that."""
    folder = folder_of(field.folder, "pyinfra")
    (folder / "deploy.py").write_text(_deploy(field.desired, folder))

    def plan(targets: Sequence[Target]) -> list[str]:
        inventory = folder / f"inventory_{len(targets)}.py"
        inventory.write_text(_inventory(field, targets))
        return [COMMAND, "--dry", "--json", str(inventory), "deploy.py"]

    return Contestant("pyinfra", folder, plan, _nothing_to_do)


def _nothing_to_do(done: Done, targets: Sequence[Target]) -> str:
    """Every host must have connected, and no operation may have found something to change."""
    try:
        plan = json.loads(done.stdout)["plan"]
    except (ValueError, KeyError):
        return done.stderr
    changing = [each["name"] for each in plan if each["hosts_with_change"]]
    lost = [each.name for each in targets if f"[{each.name}] Connected" not in done.stderr]
    if done.returncode or lost:
        return done.stderr
    return f"would change: {', '.join(changing)}" if changing else ""


def _inventory(field: Field, targets: Sequence[Target]) -> str:
    shared = {
        "ssh_user": field.user,
        "ssh_key": str(field.key),
        "ssh_known_hosts_file": str(field.known_hosts),
        "ssh_strict_host_key_checking": "yes",
        "ssh_allow_agent": False,
        "ssh_look_for_keys": False,
        "_sudo": True,
    }
    hosts = [(target.name, {"ssh_hostname": target.host.address}) for target in targets]
    return f"bench = ({hosts!r}, {shared!r})\n"


def _deploy(desired: Sequence[Resource], folder: Path) -> str:
    lines = ["from pyinfra.operations import apt, files, server, systemd\n"]
    for operation, arguments in _calls(desired, folder):
        words = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
        lines.append(f"{operation}({words})\n")
    return "".join(lines)


def _calls(desired: Sequence[Resource], folder: Path) -> Iterator[Call]:
    """Yield the operations; packages in one call each way, as they are best asked for."""
    packages = [resource for resource in desired if isinstance(resource, Package)]
    for present in (False, True):
        names = [each.package for each in packages if each.present == present]
        yield "apt.packages", {"packages": names, "present": present, "no_recommends": True}
    for resource in desired:
        call = _call(resource, folder)
        if call:
            operation, arguments = call
            yield operation, {"name": resource.label} | arguments


def _call(resource: Resource, folder: Path) -> Call | None:
    match resource:
        case Package() | Permission() | Interfaces() | Ageing() | Roster():
            return None
        case Group(group=group):
            return "server.group", {"group": group, "system": True}
        case Setting(path=path, setting=setting, line=line):
            return "files.line", {"path": path, "line": rf"^{setting}\s.*", "replace": line}
        case User(until=None):
            return "server.user", {
                "user": resource.login,
                "comment": resource.comment,
                "shell": resource.shell,
                "groups": list(resource.groups),
                "append": True,
                "create_home": True,
                "ensure_home": False,
            }
        case Directory():
            return "files.directory", {"path": resource.path, **_owner(resource)}
        case File(content=str(content)):
            return "files.put", _put(resource.path, content, folder) | _owner(resource)
        case Pam(path=path, content=content):
            return "files.put", _put(path, content, folder)
        case Sysctl(setting=setting, value=value):
            numbers = [int(number) for number in value.split()]
            return "server.sysctl", {
                "key": setting,
                "value": numbers if numbers[1:] else numbers[0],
            }
        case Unit():
            return _service(resource)
    raise NotImplementedError(f"bench: pyinfra has no operation for {resource.id}")


def _put(path: str, content: str, folder: Path) -> dict[str, str]:
    source = folder / path.strip("/").replace("/", "_")
    source.write_text(content)
    return {"src": str(source), "dest": path}


def _owner(resource: File | Directory) -> dict[str, str]:
    return {"mode": resource.mode.lstrip("0"), "user": resource.user, "group": resource.group}


def _service(unit: Unit) -> Call | None:
    if unit.only_reloads:
        return None  # nothing to ask of a host where nothing has changed
    arguments = {"service": unit.unit, "enabled": unit.enabled, "running": unit.running}
    return "systemd.service", arguments
