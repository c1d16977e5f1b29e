"""A model of a Debian host: what it answers to an observation, and what each function does to it.

It knows what a host refuses: a file without its folder, a member without the group, a unit that is
masked or has no file. What rempart sends reaches it through a real sh (`recorder`).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from people import People, need
from recorder import calls

from rempart.engine.observe import END
from rempart.policy import Traits
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
from rempart.resources.pam import COMMON, PROFILES
from rempart.resources.setting import ASIDE

FORMATS = {"file": 0o100000, "directory": 0o040000, "link": 0o120000, "pipe": 0o010000}
UNIT_FOLDER = "/etc/systemd/system"


@dataclass(frozen=True)
class Node:
    """What stands at a path; mode and owner are those that most files have."""

    form: str = "file"
    content: str = ""
    mode: int = 0o644
    owner: tuple[str, str] = ("root", "root")


@dataclass(frozen=True)
class Service:
    load: str = "loaded"
    active: str = "inactive"
    file_state: str = "disabled"


def stamped(path: str, node: Node) -> str:
    return f"{path}\t{FORMATS[node.form] | node.mode:x}\t{node.owner[0]}\t{node.owner[1]}"


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@dataclass(repr=False)
class Machine(People):
    """A host as one mutable value; ``ours`` is everything that rempart might ever want of it.

    Folders, groups and unit files that are rempart's exist only once they are made; all others that
    anything needs come with Debian.
    """

    ours: Sequence[Resource]
    traits: Traits
    source: str
    port: int
    packages: set[str] = field(default_factory=set)
    nodes: dict[str, Node] = field(default_factory=dict)
    originals: dict[str, Node | None] = field(default_factory=dict)
    sysctls: dict[str, str] = field(default_factory=dict)
    units: dict[str, Service] = field(default_factory=dict)
    pending: set[str] = field(default_factory=set)
    overrides: set[str] = field(default_factory=set)
    """Paths whose mode dpkg keeps."""
    interfaces: dict[str, dict[str, str]] = field(default_factory=dict)
    """Setting -> interface -> value; wg0 is a VPN's."""
    strangers: list[str] = field(default_factory=list)
    """Neighbours in none of its networks."""
    stale: set[str] = field(default_factory=set)
    """Units that run something else than what they loaded."""
    manifest: str = ""

    def __repr__(self) -> str:
        return f"Machine({', '.join(sorted([*self.nodes, *self.users]))})"

    # What it answers.

    def answer(self, wanted: Sequence[Resource]) -> list[str]:
        """Return the lines of an answer."""
        lines = [f"trait\t{name}\t{value}" for name, value in self.traits.model_dump().items()]
        lines.append(f"way\tssh\t{self.source} 50000 192.0.2.1 {self.port}")
        if self.manifest:
            lines.append(f"manifest\tjson\t{in_base64(self.manifest)}")
        lines.append("owned\twg0\ta tunnel\t0\t1")
        lines += [f"stranger\t{each}" for each in self.strangers]
        for resource in wanted:
            lines += self._about(resource)
        asked = {resource.id for resource in wanted}
        for kind, _, path in (key.partition(":") for key in self.owned):
            if kind == "file" and path in self.nodes and f"file:{path}" not in asked:
                lines.append(f"file\t{stamped(path, self.nodes[path])}\t1")
                lines += self._bytes("bytes", path)
        lines += [f"pending\t{unit}" for unit in sorted(self.pending)]
        return [*lines, END]

    def _about(self, resource: Resource) -> Iterable[str]:
        """Say what the probe of a resource's kind prints about it."""
        match resource:
            case Package(package=name):
                yield from self._about_package(resource, name)
            case Group(group=name):
                yield f"group\t{name}\t{'99' if self.has_group(name) else 'absent'}"
            case User(login=login):
                yield from self.about_user(login)
            case Roster():
                yield from self.about_roster()
            case Ageing(login=login):
                yield self.about_ageing(login)
            case Pam(name=name):
                yield f"pam\t{name}\tasked"
                yield from self._bytes("text", resource.path)
                yield from (line for path in COMMON for line in self._bytes("text", path))
            case Directory(path=path):
                node = self.nodes.get(path) or (None if self._is_ours(path) else Node("directory"))
                yield f"directory\t{stamped(path, node)}" if node else f"directory\t{path}\tabsent"
                if resource.only is not None:
                    yield from (f"entry\t{p}\tf" for p in self.nodes if parent(p) == path)
            case File(path=path):
                yield from self._about_file(resource, path)
            case Permission(path=path):
                yield f"permission\t{path}\tabsent"
                if (node := self.nodes.get(path)) and node.form != "link":
                    yield f"permission\t{path}\t{node.mode:o}\t" + "\t".join(node.owner)
            case Setting(path=path):
                yield from self._bytes("text", path) or [f"text\t{path}\tabsent"]
            case Interfaces(setting=name):
                pairs = [f"{each}={value}" for each, value in self.interfaces[name].items()]
                yield "\t".join(["interfaces", name, *pairs])
            case Sysctl(setting=name):
                yield f"sysctl\t{name}\t{self.sysctls.get(name, 'absent')}"
            case Unit(unit=name):
                unit = self._unit(name)
                yield f"unit\t{name}\t{unit.load}\t{unit.active}\t{unit.file_state}"
                if resource.healthy:
                    yield f"healthy\t{name}\t{'no' if name in self.stale else 'yes'}"
            case _:
                raise NotImplementedError(f"the model knows no {resource.kind}")

    def _about_package(self, resource: Package, name: str) -> Iterable[str]:
        there = name in self.packages
        yield f"package\t{name}\t" + ("installed\t1.0" if there else "absent")
        if there != resource.present:
            yield f"inst\t{name}\t1.0" if resource.present else f"remv\t{name}"

    def _about_file(self, resource: File, path: str) -> Iterable[str]:
        node = self.nodes.get(path)
        yield f"file\t{stamped(path, node)}\t1" if node else f"file\t{path}\tabsent"
        if node and node.form == "file":
            contents = {resource.content, resource.with_strangers or resource.content}
            if node.content in contents:
                yield f"same\t{path}"
            if contents != {node.content} and not resource.secret:
                yield from self._bytes("bytes", path)

    def _bytes(self, kind: str, path: str) -> list[str]:
        node = self.nodes.get(path)
        if node is None or node.form != "file":
            return []
        return [f"{kind}\t{path}\t{in_base64(node.content)}"]

    # What it has.

    @property
    def owned(self) -> Iterable[str]:
        return json.loads(self.manifest)["objects"] if self.manifest else ()

    def login_defs(self) -> tuple[str, str]:
        """Return the days that login.defs(5) gives a new account."""
        lines = self.nodes.get("/etc/login.defs", Node()).content.splitlines()
        found = dict(line.split(maxsplit=1) for line in lines if len(line.split()) > 1)
        return found.get("PASS_MAX_DAYS", "99999"), found.get("PASS_WARN_AGE", "7")

    def _is_ours(self, path: str) -> bool:
        return any(r.key == path for r in self.ours if isinstance(r, Directory | File))

    def _has_folder(self, path: str) -> bool:
        node = self.nodes.get(path)
        return node.form == "directory" if node else not self._is_ours(path)

    def _unit(self, name: str) -> Service:
        path = f"{UNIT_FOLDER}/{name}"
        if not self._is_ours(path):
            return self.units.get(name, Service())
        if path not in self.nodes:
            return Service("not-found", "inactive", "")
        if self.nodes[path].form == "link":  # to /dev/null
            return Service("masked", "inactive", "masked")
        return self.units.get(name, Service())

    # What is done to it.

    def run(self, script: str) -> None:
        """Run a change's script; RefusedError where the host could not."""
        for function, *words in calls(script):
            getattr(self, f"do_{function}")(*words)

    def do_apt_install(self, *names: str) -> None:
        self.packages |= set(names)

    def do_apt_remove(self, reviewed: str, *names: str) -> None:
        need(set(names) <= set(reviewed.split()), "removes more than was reviewed")
        self.packages -= set(names)

    def do_remove_unneeded(self, name: str) -> None:
        self.packages.discard(name)

    def do_purge_unneeded(self, *names: str) -> None:
        self.packages -= set(names)

    def do_mark_pending(self, *units: str) -> None:
        self.pending |= set(units)

    def do_clear_pending(self, unit: str) -> None:
        self.pending.discard(unit)

    def do_make_directory(self, path: str, mode: str, user: str, group: str) -> None:
        there = self.nodes.get(path, Node("directory"))
        need(there.form == "directory", f"{path} is something else")
        self.nodes[path] = Node("directory", "", int(mode, 8), (user, group))

    def do_set_permission(self, path: str, mode: str, user: str, group: str) -> None:
        if path in self.nodes:
            self.nodes[path] = replace(self.nodes[path], mode=int(mode, 8), owner=(user, group))

    def do_keep_permission(self, path: str, *mode_and_owner: str) -> None:
        self.overrides.add(path)

    def do_drop_permission(self, path: str) -> None:
        self.overrides.discard(path)

    def do_remove_empty_directory(self, path: str) -> None:
        if self.nodes.get(path, Node()).form == "directory" and not self._below(path):
            del self.nodes[path]

    def _below(self, path: str) -> list[str]:
        return [each for each in self.nodes if each.startswith(f"{path}/")]

    def do_write_file(
        self, path: str, mode: str, user: str, group: str, check: str, *more: str
    ) -> None:
        *units, content = more
        need(self._has_folder(parent(path)), f"no folder for {path}")
        self._keep(path)
        self.do_mark_pending(*units)
        text = base64.b64decode(content).decode()
        self._remove(path)
        self.nodes[path] = Node("file", text, int(mode, 8), (user, group))

    def do_remove_file(self, path: str, *units: str) -> None:
        self._keep(path)
        self.do_mark_pending(*units)
        self._remove(path)

    def _keep(self, path: str) -> None:
        self.originals.setdefault(path, self.nodes.get(path))

    def _remove(self, path: str) -> None:
        for each in [path, *self._below(path)]:
            self.nodes.pop(each, None)

    def do_restore_file(self, path: str, *units: str) -> None:
        self.do_mark_pending(*units)
        if path in self.originals:
            original = self.originals.pop(path)
            self._remove(path)
            if original:
                need(self._has_folder(parent(path)), f"no folder for {path}")
                self.nodes[path] = original

    def do_set_line(self, path: str, key: str, line: str, *undo: str) -> None:
        if undo and path not in self.nodes:
            return
        need(self.nodes[path].form == "file", f"{path} is no file")
        new: list[str] = []
        first = True
        for each in self.nodes[path].content.split("\n")[:-1]:
            bare = each.removeprefix(ASIDE) if undo else each
            if bare.split()[:1] != [key]:
                new.append(each)
            elif bare != each:
                new.append(bare)
            else:
                new += line.splitlines() if first else [ASIDE + each]
                first = False
        new += line.splitlines() if first else []
        self.nodes[path] = replace(self.nodes[path], content="".join(f"{each}\n" for each in new))

    def do_missing(self, path: str) -> None:
        need(None, f"{path}: no such file")

    def do_sysctl(self, quiet: str, write: str, pair: str) -> None:
        name, _, value = pair.partition("=")
        need(name in self.sysctls, f"no setting {name}")
        self.sysctls[name] = value

    def do_set_interfaces(self, folder: str, last: str, *pairs: str) -> None:
        there = self.interfaces[f"{folder.replace('/', '.')}.*.{last}"]
        for name, _, value in (pair.partition("=") for pair in pairs):
            for each in [name] if name != "*" else [each for each in there if each != "default"]:
                if each in there:
                    there[each] = value

    def do_systemctl(self, *words: str) -> None:
        verb, name = (word for word in words if word != "-q")
        unit = self._unit(name)
        masked = unit.file_state.startswith("masked")
        if verb in {"start", "enable"}:
            need(unit.load == "loaded" and not masked, f"{name} cannot {verb}")
        changes = {
            "start": {"active": "active"},
            "stop": {"active": "inactive"},
            "enable": {"file_state": "enabled"},
            "disable": {"file_state": "disabled"},
            "mask": {"file_state": "masked", "load": "masked"},
            "unmask": {"file_state": "disabled", "load": "loaded"} if masked else {},
        }[verb]
        if unit.file_state in {"static", "generated"} or (masked and verb == "disable"):
            changes.pop("file_state", None)
        if verb == "start":
            self.stale.discard(name)
        self.units[name] = replace(unit, **changes)

    def do_reload_unit(self, name: str) -> None:
        self.pending.discard(name)
        self.stale.discard(name)

    def do_disable_unit(self, name: str) -> None:
        self.do_systemctl("disable", name)

    def do_retire_unit(self, name: str) -> None:
        for verb in ("disable", "stop"):
            self.do_systemctl(verb, name)
        self.do_clear_pending(name)

    def do_write_state(self, name: str, content: str) -> None:
        need(name == "manifest.json", name)
        self.manifest = base64.b64decode(content).decode()

    def do_enable_pam(self, name: str, *words: str) -> None:
        *pairs, content = words
        self.nodes[f"{PROFILES}/{name}"] = Node(content=base64.b64decode(content).decode())
        for path, module in zip(pairs[::2], pairs[1::2], strict=True):
            old = self.nodes.get(path, Node()).content
            self.nodes[path] = Node(content=f"{old}x required {module}\n")

    def do_disable_pam(self, name: str, *instead: str) -> None:
        profile = self.nodes.pop(f"{PROFILES}/{name}")
        for path, module in Pam(concern="", name=name, content=profile.content).lines:
            left = self.nodes[path].content.replace(f"x required {module}\n", "", 1)
            self.nodes[path] = Node(content=left)
            if not left:
                del self.nodes[path]


def parent(path: str) -> str:
    return path.rpartition("/")[0]
