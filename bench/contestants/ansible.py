"""Ansible with pipelining and forks=50: the same desired state as a playbook of its own modules.

What it has no module for is left out, in its favour, as for stock pyinfra.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
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
    units = {unit for resource in field.desired for unit in resource.reloads}
    handlers = [
        {"name": unit, **_module("systemd_service", name=unit, state="reloaded")}
        for unit in sorted(units)
    ]
    tasks = list(_tasks(field.desired))
    return [{"hosts": "all", "gather_facts": False, "tasks": tasks, "handlers": handlers}]


def _tasks(desired: Sequence[Resource]) -> Iterator[Task]:
    """Yield the tasks; packages in one task each way, as they are best asked for."""
    packages = [resource for resource in desired if isinstance(resource, Package)]
    for state, present in (("absent", False), ("present", True)):
        names = [each.package for each in packages if each.present == present]
        yield _module("apt", name=names, state=state, install_recommends=False)
    for resource in desired:
        task = _task(resource)
        if task:
            notify = {"notify": list(resource.reloads)} if resource.reloads else {}
            yield {"name": resource.label, **task, **notify}


def _task(resource: Resource) -> Task | None:
    match resource:
        case Package() | Pam() | Permission() | Ageing() | Roster():
            return None
        case Group(group=group):
            return _module("group", name=group, system=True)
        case Setting(path=path, setting=setting, line=line):
            return _module("lineinfile", path=path, regexp=rf"^{setting}\s", line=line)
        case User(until=None):
            return _user(resource)
        case Directory():
            return _module("file", path=resource.path, state="directory", **_owner(resource))
        case File(content=str(content)):
            # A template's braces stay text: `!unsafe` has no spelling in JSON.
            text = "{% raw %}" + content + "{% endraw %}" if "{" in content else content
            return _module("copy", dest=resource.path, content=text, **_owner(resource))
        case Sysctl(setting=setting, value=value):
            file = "/etc/sysctl.d/60-rempart.conf"  # the same file holds it for the next boot
            arguments = {"name": setting, "value": value, "sysctl_set": True, "sysctl_file": file}
            return {"ansible.posix.sysctl": arguments}
        case Unit():
            return _unit(resource)
    raise NotImplementedError(f"bench: Ansible has no module for {resource.id}")


def _user(user: User) -> Task:
    return _module(
        "user",
        name=user.login,
        comment=user.comment,
        shell=user.shell,
        groups=list(user.groups),
        append=True,
        password="*",
        update_password="on_create",
    )


def _owner(resource: File | Directory) -> dict[str, str]:
    return {"mode": resource.mode, "owner": resource.user, "group": resource.group}


def _unit(unit: Unit) -> Task | None:
    if unit.only_reloads:
        return None  # the handler of that name does it
    arguments: dict[str, Any] = {"name": unit.unit, "enabled": unit.enabled}
    if unit.running is not None:
        arguments["state"] = "started" if unit.running else "stopped"
    return _module("systemd_service", **arguments)


def _module(module: str, /, **arguments: Any) -> Task:
    return {f"{BUILTIN}.{module}": arguments}
