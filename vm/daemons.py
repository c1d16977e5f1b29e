"""libvirt's daemons, by hand where nothing else runs them, and the settings that they leave behind.

libvirtd switches IPv4 forwarding on, makes chains of the firewall and files, and puts nothing back.
"""

import fcntl
import itertools
import json
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from lab.errors import LabError
from vm.tool import run

URI = "qemu:///system"

_FOLDER = Path("/run/rempart-vm")
"""Gone after a boot, as is all that it tells of."""

_BEFORE = _FOLDER / "before.json"
_DAEMONS = ("libvirtd", "virtlogd")
_FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
_TOOLS = {"iptables": "ip", "ip6tables": "ip6"}
"""Program -> the family that nftables has the program's tables in."""

_TABLES = ("filter", "nat", "mangle")

_OWN = tuple(map(Path, ("/run/libvirt", "/var/cache/libvirt", "/var/log/libvirt")))
"""Where files are the daemons' alone."""

_SHARED = (Path("/etc/libvirt"), Path("/var/lib/libvirt"))
"""Where files may be somebody's machines."""


def answer() -> bool:
    """Tell whether libvirtd answers."""
    return run(["virsh", "-c", URI, "version"], check=False).returncode == 0


def start() -> bool:
    """Start the daemons unless they answer already; return whether that was needed."""
    with _alone():
        if answer():
            return False
        _note()
        _end()  # half of them may be there
        for name in reversed(_DAEMONS):
            run([name, "--daemon", "--pid-file", str(_FOLDER / name)])
        deadline = time.monotonic() + 30
        while not answer():
            if time.monotonic() > deadline:
                raise LabError(
                    "vm: libvirtd: does not answer (waited 30 s); "
                    "read /var/log/libvirt/libvirtd.log"
                )
            time.sleep(0.1)
        return True


def stop() -> None:
    """End the daemons that `start` started and put back what the machine was like before."""
    with _alone():
        if not _BEFORE.exists():
            return
        _end()
        before = json.loads(_BEFORE.read_text())
        _FORWARDING.write_text(before["ip_forward"])
        for (tool, family), table in itertools.product(_TOOLS.items(), _TABLES):
            _clean(tool, table)
            is_new = f"{family} {table}" not in before["tables"]
            if is_new and f"{family} {table}" in _tables() and not _rules(tool, table, "-A", "-N"):
                run(["nft", "delete", "table", family, table])
        _remove_paths(set(before["paths"]))
        _BEFORE.unlink()


def brought(path: str) -> bool:
    """Tell whether the daemons were started here and that path has come since."""
    return _BEFORE.exists() and path not in json.loads(_BEFORE.read_text())["paths"]


def removals(rules: Sequence[str]) -> list[list[str]]:
    """Return what is to be said to iptables so that libvirt's chains and the jumps to them go.

    `rules` are lines that `iptables -S` prints; other rules stay.
    """
    lines = [rule.split() for rule in rules]
    chains = [chain for flag, chain, *_ in lines if flag == "-N" and chain.startswith("LIBVIRT_")]
    jumps = [words[1:] for words in lines if words[0] == "-A" and words[-1] in chains]
    return [
        *(["-D", *jump] for jump in jumps),
        *(["-F", chain] for chain in chains),
        *(["-X", chain] for chain in chains),
    ]


@contextmanager
def _alone() -> Iterator[None]:
    _FOLDER.mkdir(mode=0o700, exist_ok=True)
    with (_FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _note() -> None:
    """Write down what the machine is like, unless an earlier start did."""
    if not _BEFORE.exists():
        before = {
            "ip_forward": _FORWARDING.read_text(),
            "tables": _tables(),
            "paths": [str(path) for path in _paths()],
        }
        draft = _BEFORE.with_suffix(".draft")
        draft.write_text(json.dumps(before))
        draft.replace(_BEFORE)


def _end() -> None:
    """End the daemons by the process ids that they wrote, and wait for it."""
    for name in _DAEMONS:
        file = _FOLDER / name
        if not file.exists():
            continue
        pid = int(file.read_text())
        deadline = time.monotonic() + 30
        while _is(pid, name):
            if time.monotonic() > deadline:
                raise LabError(f"vm: {name}: does not end (process {pid}, waited 30 s); kill it")
            os.kill(pid, signal.SIGTERM)
            time.sleep(0.1)
        file.unlink(missing_ok=True)


def _is(pid: int, name: str) -> bool:
    """Tell whether that process is still the daemon, and no other of the same number."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == name
    except OSError:
        return False


def _tables() -> list[str]:
    """Return the tables of nftables, `ip filter` for one; iptables' are among them."""
    listed = json.loads(run(["nft", "-j", "list", "tables"]).stdout)["nftables"]
    tables = (entry["table"] for entry in listed if "table" in entry)
    return [f"{table['family']} {table['name']}" for table in tables]


def _rules(tool: str, table: str, *kinds: str) -> list[str]:
    rules = run([tool, "-t", table, "-S"]).stdout.splitlines()
    return [rule for rule in rules if rule.startswith(kinds)]


def _clean(tool: str, table: str) -> None:
    for change in removals(_rules(tool, table, "-A", "-N")):
        run([tool, "-t", table, *change])


def _paths() -> list[Path]:
    """Return what is in libvirt's folders, and they, the innermost last."""
    paths = (path for top in (*_OWN, *_SHARED) for path in (top, *top.rglob("*")))
    return sorted(path for path in paths if path.exists())


def _remove_paths(before: set[str]) -> None:
    """Remove the daemons' new files, and new folders that are empty then."""
    for path in reversed([path for path in _paths() if str(path) not in before]):
        if path.is_dir():
            with suppress(OSError):
                path.rmdir()
        elif any(path.is_relative_to(top) for top in _OWN):
            path.unlink(missing_ok=True)
