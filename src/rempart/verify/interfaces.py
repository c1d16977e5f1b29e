"""What the kernel does on each interface, and what it will do at the next boot.

A value of ``all`` is not what holds: Linux's ip-sysctl says for each setting how the kernel puts it
together with the interface's own (``IN_DEV_*CONF`` in its ``inetdevice.h``). IPv6 knows the
interface's own alone, but for source routes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import translate

from rempart.verify.machine import AnswerError

LINKS = "ip -j -d link show"
OWNERS = frozenset({"accept_local", "route_localnet", "rp_filter"})
"""Those of VPNs, libvirt and Docker may have these otherwise."""

_EITHER = ("accept_local", "route_localnet", "secure_redirects", "send_redirects", "shared_media")
_TOGETHER: dict[str, Callable[[int, int], int]] = {
    **dict.fromkeys(_EITHER, max), "rp_filter": max, "accept_source_route": min,
}  # fmt: skip
_KERNEL_S = {"rp_filter": 0, "accept_local": 0, "route_localnet": 0}
"""What an interface has that nobody has set anything on; everything else is on there."""

_BRIDGES = re.compile(r"virbr\d+|docker0|docker_gwbridge|br-[0-9a-f]{12}")

MOST_VALUES = 2_000
"""Of all interfaces together: 125 of these have so many."""

MOST_LINES = 5_000
"""Of sysctl.d; Debian's and ours are three hundred."""

MOST_PATTERNS = 40
"""Of sysctl.d; Debian's and ours are 25."""

LONGEST = 120
"""Characters of one."""

Values = dict[str, int]
"""``net/ipv4/conf/eth0/rp_filter`` -> its value."""


def question(settings: Mapping[str, list[str]]) -> str:
    """Return the command that shows these settings (``net.ipv4.conf.all.x``) on all interfaces."""
    names = {name.replace(".", "/").replace("/all/", "/*/") for name in _of_interfaces(settings)}
    names |= {"net/ipv4/conf/*/forwarding"}
    return "cd /proc/sys && grep -sH . " + " ".join(sorted(names))


def values(answer: str) -> Values:
    """Return what was shown; AnswerError where that is no list of numbers."""
    try:
        pairs = (line.rpartition(":") for line in answer.splitlines())
        found = {path: int(value) for path, _, value in pairs}
    except ValueError as error:
        raise AnswerError(f"/proc/sys: no number (got {error})") from None
    if not found or len(found) > MOST_VALUES:
        raise AnswerError(f"/proc/sys: no setting, or more than {MOST_VALUES}")
    return found


def owned(answer: str) -> set[str]:
    """Return the interfaces that a VPN, libvirt or Docker looks after, by ip(8)."""
    try:
        links = {link["ifname"]: link for link in json.loads(answer) if link}
        own = {name for name, link in links.items() if _is_owned(name, link)}
        return own | {name for name, link in links.items() if link.get("master") in own}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AnswerError(f"ip: its JSON cannot be read (got {error!r})") from error


def _is_owned(name: str, link: dict[str, object]) -> bool:
    info = link.get("linkinfo") or {}
    kind = info.get("info_kind") if isinstance(info, dict) else None
    if kind == "tun" or link["link_type"] not in ("ether", "infiniband", "loopback"):
        return True
    return kind == "bridge" and _BRIDGES.fullmatch(name) is not None


def wrong(settings: Mapping[str, list[str]], running: Values, others: set[str]) -> Iterator[str]:
    """Yield what does not hold on an interface, ``net.ipv4.conf.eth0.rp_filter 2 (not 1)``."""
    for name, right in _of_interfaces(settings).items():
        for interface in _interfaces(name, running):
            if interface in others and _last(name) in OWNERS:
                continue
            folder = f"net/ipv4/conf/{interface}"
            actual = _effective(
                name,
                running[_path(name, interface)],
                running.get(_path(name, "all"), 0),
                forwards=bool(running.get(f"{folder}/forwarding", 0)),
            )
            if str(actual) not in right:
                yield f"{_shown(name, interface)} {actual} (not {right[0]})"


def wrong_at_boot(
    settings: Mapping[str, list[str]], text: str, running: Values, others: set[str]
) -> Iterator[str]:
    """Yield what `systemd-sysctl --cat-config` makes otherwise on today's interfaces."""
    boot = Boot(text)
    for name, right in _of_interfaces(settings).items():
        for interface in _interfaces(name, running):
            if interface in others and _last(name) in OWNERS:
                continue
            own = boot.value(_path(name, interface)) or str(_KERNEL_S.get(_last(name), 1))
            every = boot.value(_path(name, "all")) or "1"
            if not re.fullmatch(r"-?[0-9]{1,9} [0-9]{1,9}", f"{own} {every}"):
                yield f"{_shown(name, interface)} is no number"
            elif str(actual := _effective(name, int(own), int(every))) not in right:
                yield f"{_shown(name, interface)} {actual} (not {right[0]})"


def configured(text: str) -> dict[str, str | None]:
    """Return the lines of sysctl.d(5) in order, by path; None takes a path out of the patterns."""
    found: dict[str, str | None] = {}
    for line in text.splitlines():
        name, equals, value = map(str.strip, line.partition("="))
        path = name.removeprefix("-")
        if not path or path[0] in "#;" or not (equals or name != path):
            continue
        first = re.search(r"[./]", path)
        if first and first[0] == ".":
            path = path.translate(str.maketrans("./", "/."))
        found.pop(path, None)  # a later line counts in its own place
        found[path] = "-".join(value.split()) if equals else None
    return found


class Boot:
    """What sysctl.d(5) files make of a path at a boot: its own line, or else the last pattern."""

    def __init__(self, text: str) -> None:
        """Read the files' lines; AnswerError for more of them than anybody writes."""
        if text.count("\n") > MOST_LINES:
            raise AnswerError(f"sysctl.d: more than {MOST_LINES} lines")
        self._lines = configured(text)
        patterns = [path for path in self._lines if path.count("/") == 4 and set(path) & set("*?[")]
        if len(patterns) > MOST_PATTERNS or any(len(each) > LONGEST for each in patterns):
            raise AnswerError(f"sysctl.d: more or longer patterns than {MOST_PATTERNS}")
        self._patterns = [
            ([re.compile(translate(part)) for part in path.split("/")], self._lines[path])
            for path in patterns
        ]

    def value(self, path: str) -> str | None:
        """Return what the path is set to, None if it is left alone."""
        if path in self._lines:
            return self._lines[path]
        parts = path.split("/")
        fitting = (
            value
            for globs, value in reversed(self._patterns)
            if value is not None and all(map(re.Pattern.match, globs, parts))
        )
        return next(fitting, None)


def _effective(name: str, own: int, every: int, *, forwards: bool = False) -> int:
    last = _last(name)
    if name.startswith("net.ipv6.") and last != "accept_source_route":
        return own
    if last == "accept_redirects":
        return min(own, every) if forwards else max(own, every)
    return _TOGETHER[last](own, every)


def _of_interfaces(settings: Mapping[str, list[str]]) -> dict[str, list[str]]:
    known = {*_TOGETHER, "accept_redirects"}
    return {
        name: right
        for name, right in settings.items()
        if ".conf.all." in name and (name.startswith("net.ipv6.") or _last(name) in known)
    }


def _interfaces(name: str, running: Values) -> list[str]:
    start, end = f"net/{name.split('.')[1]}/conf/", f"/{_last(name)}"
    paths = (path for path in running if path.startswith(start) and path.endswith(end))
    found = (path.removeprefix(start).removesuffix(end) for path in paths)
    return [interface for interface in found if interface not in ("all", "default")]


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _path(name: str, interface: str) -> str:
    return f"net/{name.split('.')[1]}/conf/{interface}/{_last(name)}"


def _shown(name: str, interface: str) -> str:
    return name.replace(".all.", f".{interface}.")
