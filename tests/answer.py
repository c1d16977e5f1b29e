"""What a host answers to an observation, made from what it should have: stock, or as wanted."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Iterable, Sequence

from rempart.engine import manifest
from rempart.engine.observe import END
from rempart.policy import Traits
from rempart.resources import (
    Ageing,
    Directory,
    File,
    Group,
    Interfaces,
    Observation,
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
from rempart.resources.pam import COMMON


def answer(
    resources: Sequence[Resource], traits: Traits, source: str, *, hardened: bool
) -> list[str]:
    """Return the lines of a host that sees us come from `source`."""
    lines = [f"trait\t{name}\t{value}" for name, value in traits.model_dump().items()]
    lines.append(f"way\tssh\t{source} 50000 192.0.2.1 22")
    for resource in resources:
        lines += as_wanted(resource) if hardened else stock(resource)
    lines += texts(resources, hardened=hardened)
    if hardened:
        owned = manifest.claimed({}, resources, Observation({}))
        encoded = base64.b64encode(manifest.render(owned).encode()).decode()
        lines.append(f"manifest\tjson\t{encoded}")
    return [*lines, END]


def stock(resource: Resource) -> Iterable[str]:
    """Return the answer about an object that the host has not got or has otherwise."""
    match resource:
        case Setting():
            yield from ()
        case Sysctl():
            yield f"sysctl\t{resource.setting}\t7"
        case Interfaces():
            yield f"interfaces\t{resource.setting}\tdefault=7\teth0=7"
        case Unit():
            yield f"unit\t{resource.unit}\tnot-found\tinactive\t"
        case Permission(path=path):
            yield f"permission\t{path}\tabsent"
            if "*" not in path:
                yield f"permission\t{path}\t4777\troot\troot"
        case _:
            yield f"{resource.kind}\t{resource.key}\tabsent"


def as_wanted(resource: Resource) -> Iterable[str]:
    """Return the answer about an object that needs no change."""
    match resource:
        case Package():
            status = "installed\t1" if resource.present else "absent"
            yield f"package\t{resource.package}\t{status}"
        case Group():
            yield f"group\t{resource.group}\t99"
        case User():
            yield f"user\t{resource.login}\t{resource.comment}\t{resource.shell}\t1000"
            yield f"shadow\t{resource.login}\t{resource.expires}"
            yield f"member\t{resource.login}\t{','.join(resource.groups)}"
        case Directory():
            mode = f"{0o40000 | int(resource.mode, 8):x}"
            yield f"directory\t{resource.path}\t{mode}\t{resource.user}\t{resource.group}"
        case File():
            yield f"file\t{resource.path}\t{0o100000 | int(resource.mode, 8):x}\troot\troot\t1"
            yield f"same\t{resource.path}"
        case Pam():
            yield f"pam\t{resource.name}\tasked"
        case Ageing():
            yield f"ageing\t{resource.login}\t{resource.max_days}\t{resource.warn_days}"
        case Roster():
            yield "roster\taccounts\tasked"
        case Permission(path=path, mode=mode, user=user, group=group):
            yield f"permission\t{path}\t{int(mode, 8):o}\t{user}\t{group}"
        case Sysctl():
            yield f"sysctl\t{resource.setting}\t{resource.value}"
        case Interfaces():
            yield f"interfaces\t{resource.setting}\tdefault=7\teth0={resource.value}"
        case Unit():
            active = "inactive" if False in (resource.running, resource.enabled) else "active"
            state = "disabled" if resource.enabled is False else "enabled"
            yield f"unit\t{resource.unit}\tloaded\t{active}\t{state}"
            yield f"healthy\t{resource.unit}\tyes"


def texts(resources: Sequence[Resource], *, hardened: bool) -> Iterable[str]:
    """Return the answer about the files that several resources have a line in."""
    found: dict[str, list[str]] = defaultdict(list)
    for resource in resources:
        match resource:
            case Setting(path=path, line=line):
                found[path].append(line)
            case Pam(path=path, content=content):
                found[path].append(content.removesuffix("\n"))
                for file in COMMON:
                    found[file] += [module for stack, module in resource.lines if stack == file]
    for path, lines in found.items():
        text = "\n".join([*lines, ""] if hardened else ["OTHER 1"])
        yield f"text\t{path}\t{base64.b64encode(text.encode()).decode()}"
