"""Ansible with pipelining and forks=50: the same desired state as a playbook of its own modules.

What it has no module for is left out, in its favour, as for stock pyinfra.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.contestants.base import Contestant, folder_of
from bench.field import Field, Target
from bench.measure import Done
from lab.requirements import program
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

BIN = Path(__file__).parents[2] / ".venv.bench/bin"
"""The peers' own environment, which `make bench` makes."""
BUILTIN = "ansible.builtin"

RESTARTED = {"systemd-journald.service"}
"""Units that know no reload."""

Task = dict[str, Any]


def prepare(field: Field) -> Contestant:
    """Return ``ansible-playbook``, with ``--check`` for the plan."""
    folder = folder_of(field.folder, "ansible")
    (folder / "ansible.cfg").write_text(_configuration(field, folder))
    (folder / "playbook.json").write_text(json.dumps(_playbook(field), indent=1))

    def apply(targets: Sequence[Target]) -> list[str]:
        inventory = folder / f"inventory_{len(targets)}.json"
        inventory.write_text(json.dumps(_inventory(field, targets)))
        return [str(BIN / "ansible-playbook"), "-i", str(inventory), "playbook.json"]

    def plan(targets: Sequence[Target]) -> list[str]:
        return [*apply(targets), "--check", "--diff"]

    environment = {
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        # ansible-playbook looks for its own helpers beside it.
        "PATH": f"{BIN}:{os.environ['PATH']}",
    }
    tidy = _Masters(folder).end
    return Contestant(
        "ansible", folder, plan, _nothing_to_do, apply, _applied, environment, tidy
    )  # fmt: skip


def _nothing_to_do(done: Done, targets: Sequence[Target]) -> str:
    unchanged = _recap(done, "changed") == [0] * len(targets)
    return _applied(done, targets) or ("" if unchanged else done.stdout)


def _applied(done: Done, targets: Sequence[Target]) -> str:
    """Ansible must have got through on every host."""
    nobody = [0] * len(targets)
    well = _recap(done, "unreachable") == _recap(done, "failed") == nobody
    return "" if well and done.returncode == 0 else done.stdout + done.stderr


def _recap(done: Done, what: str) -> list[int]:
    """Return a column of the recap: ``h01 : ok=36 changed=0 unreachable=0 failed=0 …``."""
    _, _, lines = done.stdout.partition("PLAY RECAP")
    return [int(number) for number in re.findall(rf"\b{what}=(\d+)", lines)]


class _Masters:
    """The connections that Ansible leaves open; each run starts without, as a person's does."""

    def __init__(self, folder: Path) -> None:
        self._sockets = folder / "cp"

    def end(self) -> None:
        for socket in self._sockets.glob("*"):
            command = [
                program("ssh"),
                "-F",
                "none",
                "-O",
                "exit",
                "-o",
                f"ControlPath={socket}",
                "host",
            ]
            subprocess.run(command, capture_output=True, check=False)


def _configuration(field: Field, folder: Path) -> str:
    options = [
        "-F none",
        "-o ControlMaster=auto",
        "-o ControlPersist=60s",
        "-o GlobalKnownHostsFile=/dev/null",
        "-o IdentitiesOnly=yes",
        f"-o UserKnownHostsFile={field.known_hosts}",
    ]
    return f"""\
[defaults]
forks = 50
home = {folder / "home"}
local_tmp = {folder / "tmp"}
host_key_checking = True
remote_tmp = /tmp/.ansible-$USER/tmp
retry_files_enabled = False
[privilege_escalation]
become = True
[ssh_connection]
pipelining = True
control_path_dir = {folder / "cp"}
ssh_args = {" ".join(options)}
"""


def _inventory(field: Field, targets: Sequence[Target]) -> dict[str, Any]:
    hosts = {target.name: {"ansible_host": target.host.address} for target in targets}
    shared = {
        "ansible_user": field.user,
        "ansible_ssh_private_key_file": str(field.key),
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    return {"all": {"hosts": hosts, "vars": shared}}


def _playbook(field: Field) -> list[dict[str, Any]]:
    tasks, handlers = list(_tasks(field.desired)), list(_handlers(field.desired))
    return [{"hosts": "all", "gather_facts": False, "tasks": tasks, "handlers": handlers}]


def _handlers(desired: Sequence[Resource]) -> Iterator[Task]:
    """Yield what runs once, at the end, where a task that names it has changed something."""
    for unit in sorted({unit for resource in desired for unit in resource.reloads}):
        state = "restarted" if unit in RESTARTED else "reloaded"
        yield {"name": unit, **_module("systemd_service", name=unit, state=state)}
    profiles = [resource.name for resource in desired if isinstance(resource, Pam)]
    argv = ["pam-auth-update", "--package", "--enable", *profiles]
    yield {"name": argv[0], **_module("command", argv=argv)}


def _tasks(desired: Sequence[Resource]) -> Iterator[Task]:
    """Yield the tasks; what can be asked for together is one task.

    Those are packages each way, units that are to be off, an account and its password's age.
    """
    packages = [resource for resource in desired if isinstance(resource, Package)]
    for state, present in (("absent", False), ("present", True)):
        names = [each.package for each in packages if each.present == present]
        yield _module("apt", name=names, state=state, install_recommends=False)
    yield _find([each.unit for each in desired if isinstance(each, Unit) and _is_off(each)])
    ages = {each.login: _age(each) for each in desired if isinstance(each, Ageing)}
    accounts = {each.login for each in desired if isinstance(each, User)}
    for resource in desired:
        if isinstance(resource, Ageing) and resource.login in accounts:
            continue
        task = _task(resource, ages)
        if task:
            notify = {"notify": list(resource.reloads)} if resource.reloads else {}
            yield {"name": resource.label, **notify, **task}


def _task(resource: Resource, ages: Mapping[str, dict[str, int]]) -> Task | None:
    match resource:
        case Package() | Permission() | Interfaces() | Roster():
            return None
        case Group(group=group):
            return _module("group", name=group, system=True)
        case Setting(path=path, setting=setting, line=line):
            return _module("lineinfile", path=path, regexp=rf"^{setting}\s", line=line)
        case User(until=None):
            return _user(resource, ages.get(resource.login, {}))
        case Ageing(login=login):
            return _module("user", name=login, **ages[login])
        case Directory():
            return _module("file", path=resource.path, state="directory", **_owner(resource))
        case File(content=str(content)):
            # A template's braces stay text: `!unsafe` has no spelling in JSON.
            text = "{% raw %}" + content + "{% endraw %}" if "{" in content else content
            return _module("copy", dest=resource.path, content=text, **_owner(resource))
        case Pam(path=path, content=content):
            return _module("copy", dest=path, content=content) | {"notify": "pam-auth-update"}
        case Sysctl(setting=setting, value=value):
            file = "/etc/sysctl.d/60-rempart.conf"  # the same file holds it for the next boot
            arguments = {"name": setting, "value": value, "sysctl_set": True, "sysctl_file": file}
            return {"ansible.posix.sysctl": arguments}
        case Unit():
            return _unit(resource)
    raise NotImplementedError(f"bench: Ansible has no module for {resource.id}")


def _age(ageing: Ageing) -> dict[str, int]:
    days, warning = ageing.max_days, ageing.warn_days
    return {"password_expire_max": days, "password_expire_warn": warning}


def _user(user: User, age: Mapping[str, int]) -> Task:
    return _module(
        "user",
        name=user.login,
        comment=user.comment,
        shell=user.shell,
        groups=list(user.groups),
        append=True,
        password="*",
        update_password="on_create",
        **age,
    )


def _owner(resource: File | Directory) -> dict[str, str]:
    return {"mode": resource.mode, "owner": resource.user, "group": resource.group}


def _unit(unit: Unit) -> Task | None:
    if unit.only_reloads:
        return None  # the handler of that name does it
    arguments: dict[str, Any] = {"name": unit.unit, "enabled": unit.enabled}
    if unit.running is not None:
        arguments["state"] = "started" if unit.running else "stopped"
    task = _module("systemd_service", **arguments)
    return task | ({"when": f"'{unit.unit}' in found.stdout"} if _is_off(unit) else {})


def _is_off(unit: Unit) -> bool:
    """Tell whether a unit is only wanted to be off where it is, if at all."""
    return not unit.enabled and unit.running is False


def _find(units: Sequence[str]) -> Task:
    """Return the task that asks, once for all, which units a host has got.

    The module fails where a unit that is to be off is not there, and each call of it takes longer.
    """
    argv = ["systemctl", "list-unit-files", "--no-legend", *units]
    # Newer releases of systemctl answer 1 where there is none of them.
    also = {"register": "found", "check_mode": False, "changed_when": False}
    return _module("command", argv=argv) | also | {"failed_when": "found.rc > 1"}


def _module(module: str, /, **arguments: Any) -> Task:
    return {f"{BUILTIN}.{module}": arguments}
