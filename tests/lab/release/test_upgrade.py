"""A host that the previous wheel set up is planned and applied by the present one, and not back."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import practice
import wheels

from lab.host import Host

OLD_DROP_IN = "/etc/ssh/sshd_config.d/00-hardening.conf"
DROP_IN = "/etc/ssh/sshd_config.d/00-rempart.conf"

BANNER = """    return [
        File(
            concern="services",
            controls=("SF-2",),
            path="/etc/issue.net",
            content="Entrée interdite\\n",
        ),
"""
"""A control's file that the present version has no more."""


def as_it_was(sources: Path) -> None:
    """Make version 0.0.9: a drop-in under another name, with another list; one more file."""
    edit(sources / "pyproject.toml", 'version = "0.1.0"', 'version = "0.0.9"')
    ssh = sources / "src/rempart/hardening/ssh.py"
    edit(ssh, DROP_IN, OLD_DROP_IN)
    edit(ssh, '    "aes128-ctr",\n', "")
    templates = sources / "templates/etc/ssh/sshd_config.d"
    (templates / "00-rempart.conf.j2").rename(templates / "00-hardening.conf.j2")
    services = sources / "src/rempart/hardening/services.py"
    edit(services, "import Package, Resource", "import File, Package, Resource")
    edit(services, "    return [\n", BANNER)


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1, file
    file.write_text(text.replace(old, new))


def rempart(programs: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [programs / "rempart", *map(str, arguments)], stdin=subprocess.DEVNULL, env=environment,
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip


def planned(programs: Path, inventory: Path) -> dict[str, dict[str, Any]]:
    """Return the changes of the one host by label; a host that is not planned is an error."""
    (host,) = json.loads(rempart(programs, "plan", inventory, "--json").stdout)["hosts"]
    assert not host["error"], host["error"]
    return {change["label"]: change for change in host["changes"]}


def test_upgrade_gives_up_what_the_new_version_has_no_more(
    fresh_host: Callable[..., Host], tmp_path: Path
) -> None:
    before = wheels.install(tmp_path / "before", as_it_was)
    now = wheels.install(tmp_path / "now", lambda sources: None)
    assert rempart(before, "--version").stdout == "rempart 0.0.9\n"
    assert rempart(now, "--version").stdout == "rempart 0.1.0\n"
    host = fresh_host(practice.READY)
    issue = host.run("printf 'Bienvenue' > /etc/issue.net; chmod 640 /etc/issue.net; "
                     "stat -c %a:%U:%G /etc/issue.net; cat /etc/issue.net")  # fmt: skip
    inventory = practice.enrolled(tmp_path / "practice", {"a": host})
    old = rempart(before, "apply", inventory, "--yes")
    assert old.returncode == 0, old.stdout + old.stderr
    assert planned(before, inventory) == {}
    assert host.run(f"test -e {OLD_DROP_IN} && cat /etc/issue.net").stdout == "Entrée interdite\n"

    changes = planned(now, inventory)
    removals = {label for label, change in changes.items() if change["action"] == "release"}
    assert removals == {f"Give up {OLD_DROP_IN}", "Give up /etc/issue.net"}
    assert set(changes) - removals == {f"Write {DROP_IN}", "Reload ssh.service"}
    assert "+ the original, kept on the host" in changes["Give up /etc/issue.net"]["diff"]

    new = rempart(now, "apply", inventory, "--yes")
    assert new.returncode == 0, new.stdout + new.stderr
    assert planned(now, inventory) == {}
    assert host.run("stat -c %a:%U:%G /etc/issue.net; cat /etc/issue.net").stdout == issue.stdout
    assert host.run("ls /etc/ssh/sshd_config.d").stdout == f"{Path(DROP_IN).name}\n"
    assert "aes128-ctr" in host.run("sshd -T | grep ^ciphers").stdout

    back = rempart(before, "apply", inventory, "--yes")
    assert back.returncode == 1
    assert "t/a: it was set up by a newer rempart (got 0.1.0, this is 0.0.9)" in back.stderr
    assert "install that version or a later one here" in back.stderr
    assert planned(now, inventory) == {}
