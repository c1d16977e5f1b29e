"""Hosts in any state, and what a run of rempart makes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st
from machine import UNIT_FOLDER, Machine, Node, Service, parent
from people import Account
from policies import TEXTS, TODAY

from rempart.engine import manifest
from rempart.engine.diff import diff
from rempart.engine.observe import parse
from rempart.hardening import desired
from rempart.policy import Host, Policy
from rempart.resources import (
    Change,
    Directory,
    File,
    Group,
    Interfaces,
    Observation,
    Package,
    Permission,
    Resource,
    Setting,
    Sysctl,
    Unit,
    User,
)
from rempart.resources.package import apt_script

Draw = Callable[[st.SearchStrategy[Any]], Any]

SERVICES = st.builds(
    Service,
    active=st.sampled_from(["active", "inactive", "failed", "activating"]),
    file_state=st.sampled_from(["enabled", "disabled", "static", "enabled-runtime"]),
)
MASKABLE = SERVICES | st.just(Service("masked", "inactive", "masked"))
NODES = st.builds(
    Node,
    form=st.sampled_from(["file", "file", "file", "directory", "link", "pipe"]),
    content=st.lists(TEXTS).map("\n".join),
    mode=st.sampled_from([0o644, 0o600, 0o777, 0o4755]),
    owner=st.sampled_from([("root", "root"), ("www-data", "root")]),
)
INTERFACES = {"default": "7", "eth0": "7", "wg0": "7"}
LINES = st.lists(st.sampled_from(["A 1", "#HOME_MODE 0700", "HOME_MODE 0755", "HOME_MODE\t0700"]))


def wanted(policy: Policy, host: Host, today: date = TODAY) -> list[Resource]:
    """Return what a host should have."""
    assert host.traits
    return desired(policy, host, host.traits, today)


def stock(policy: Policy, host: Host) -> Machine:
    """Return the host as Debian installs it and enrolment leaves it."""
    assert host.traits
    everything = wanted(policy.model_copy(update={"exceptions": ()}), host)
    (network, *_) = policy.automation_sources(host)
    source = network[min(1, network.num_addresses - 1)]
    made = {r.group for r in everything if isinstance(r, Group)}
    named = {name for r in everything if isinstance(r, User) for name in (*r.groups, *r.managed)}
    automation = policy.provider.automation.user
    return Machine(
        everything,
        host.traits,
        str(source),
        host.port,
        groups=named | made,  # enrolment made what Debian has not got
        users={automation: Account("rempart automation", "/bin/sh", uid=999)},
        nodes={
            r.path: Node(content="A 1\n") for r in everything if isinstance(r, Setting | Permission)
        },
        interfaces={r.setting: dict(INTERFACES) for r in everything if isinstance(r, Interfaces)},
        sysctls={r.setting: "7" for r in everything if isinstance(r, Sysctl)},
        units={r.unit: Service() for r in everything if isinstance(r, Unit)},
    )


def drift(draw: Draw, machine: Machine, resource: Resource) -> None:
    """Bring one object of a host into any state that it could be in."""
    match resource:
        case Package(package=name):
            (machine.packages.add if draw(st.booleans()) else machine.packages.discard)(name)
        case Group(group=name):
            (machine.groups.add if draw(st.booleans()) else machine.do_remove_group)(name)
        case User(login=login):
            _drift_account(draw, machine, login)
        case Directory(path=path):
            machine._remove(path)
            machine.nodes[path] = draw(NODES)
            if resource.only is not None and machine.nodes[path].form == "directory":
                machine.nodes[f"{path}/{draw(st.sampled_from(['x', 'y']))}"] = draw(NODES)
        case File(path=path):
            if machine._has_folder(parent(path)):
                machine._remove(path)
                machine.nodes[path] = draw(NODES)
        case Permission(path=path):
            machine.nodes[path] = draw(NODES)
        case Setting(path=path):
            machine.nodes[path] = Node(content="".join(f"{line}\n" for line in draw(LINES)))
        case Interfaces(setting=name):
            there = machine.interfaces[name]
            for each in sorted({*there, "eth1"}):
                there[each] = draw(st.sampled_from(["0", "1", "2"]))
        case Sysctl(setting=name):
            machine.sysctls[name] = draw(st.sampled_from(["0", "1", "2"]))
        case Unit(unit=name):
            own = machine._is_ours(f"{UNIT_FOLDER}/{name}")  # a mask is a link in the file's place
            machine.units[name] = draw(SERVICES if own else MASKABLE)
            for marks in (machine.pending, machine.stale):
                (marks.add if draw(st.booleans()) else marks.discard)(name)


def _drift_account(draw: Draw, machine: Machine, login: str) -> None:
    if login not in machine.users and login in machine.groups:
        return
    machine.users[login] = Account(
        comment=draw(st.sampled_from(["", "Old Name", "Old Name,,,"])),
        shell=draw(st.sampled_from(["/bin/bash", "/bin/sh", ""])),
        expires=draw(st.sampled_from(["", "1", "20000"])),
    )
    for group in sorted(machine.groups):
        if draw(st.booleans()):
            machine.members.add((login, group))


@st.composite
def drifted(draw: Draw, policy: Policy, host: Host) -> Machine:
    """Return a host in any state: hardened on some day or never, then changed by anybody."""
    machine = stock(policy, host)
    if draw(st.booleans()):
        former = policy.model_copy(
            update={"exceptions": draw(st.sampled_from([(), policy.exceptions]))}
        )
        apply(machine, wanted(former, host, TODAY + timedelta(days=draw(st.integers(-60, 60)))))
    machine.strangers = draw(st.sampled_from([[], ["192.0.2.1 on eth0"]]))
    for resource in draw(st.lists(st.sampled_from(machine.ours), max_size=8)):
        drift(draw, machine, resource)
    return machine


def observed(machine: Machine, resources: Sequence[Resource]) -> Observation:
    """Return what the host answers, parsed."""
    seen = parse(machine.answer(resources), resources)
    assert isinstance(seen, Observation), seen
    return seen


def plan(machine: Machine, resources: Sequence[Resource]) -> list[Change]:
    """Return what would change."""
    return diff(resources, observed(machine, resources))


def apply(machine: Machine, resources: Sequence[Resource]) -> None:
    """Do what a run does, in its order: claim, packages, all other changes, settle."""
    seen = observed(machine, resources)
    claims = manifest.claimed(manifest.load(seen), resources, seen)
    machine.run(manifest.write_script(claims))
    names = {"create": [], "remove": []}  # type: dict[str, list[str]]
    for change in diff(resources, seen):
        kind, _, name = change.id.partition(":")
        if kind == "package" and change.action in names:
            names[change.action].append(name)
    machine.run(apt_script(names["create"], names["remove"], seen))
    after = observed(machine, resources)
    changes = [c for c in diff(resources, after) if c.id != "manifest:json"]
    machine.run("".join(change.script for change in changes))
    owned = manifest.claimed(manifest.load(after), resources, after)
    machine.run(manifest.write_script(manifest.settled(owned, resources)))
