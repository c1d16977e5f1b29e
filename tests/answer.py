"""What a host answers to an observation, made from what it should have: stock, or as wanted."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence

from rempart.engine import manifest
from rempart.engine.observe import END
from rempart.policy import Traits
from rempart.resources import (
    Directory,
    File,
    Group,
    Observation,
    Package,
    Resource,
    Setting,
    Sysctl,
    Unit,
    User,
)


def answer(
    resources: Sequence[Resource], traits: Traits, source: str, *, hardened: bool
) -> list[str]:
    """Return the lines of a host that sees us come from `source`."""
    lines = [f"trait\t{name}\t{value}" for name, value in traits.model_dump().items()]
    lines.append(f"way\tssh\t{source} 50000 192.0.2.1 22")
    for resource in resources:
        lines += as_wanted(resource) if hardened else stock(resource)
    if hardened:
        owned = manifest.claimed({}, resources, Observation({}))
        encoded = base64.b64encode(manifest.render(owned).encode()).decode()
        lines.append(f"manifest\tjson\t{encoded}")
    return [*lines, END]


def stock(resource: Resource) -> Iterable[str]:
    """Return the answer about an object that the host has not got or has otherwise."""
    match resource:
        case Setting():
            yield f"text\t{resource.path}\t{base64.b64encode(b'OTHER 1').decode()}"
        case Sysctl():
            yield f"sysctl\t{resource.setting}\t7"
        case Unit():
            yield f"unit\t{resource.unit}\tnot-found\tinactive\t"
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
            yield f"directory\t{resource.path}\t41ed\troot\troot"
        case File():
            yield f"file\t{resource.path}\t81a4\troot\troot\t1"
            yield f"same\t{resource.path}"
        case Setting():
            line = base64.b64encode(f"{resource.line}\n".encode()).decode()
            yield f"text\t{resource.path}\t{line}"
        case Sysctl():
            yield f"sysctl\t{resource.setting}\t{resource.value}"
        case Unit():
            yield f"unit\t{resource.unit}\tloaded\tactive\tenabled"
            yield f"healthy\t{resource.unit}\tyes"
