"""A tool that is missing or broken on the host is no answer, never "nothing to do"."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from lab.requirements import program
from rempart.engine.observe import END, Unobserved, parse
from rempart.engine.remote import shell
from rempart.resources import Observation, Package, Resource, Sysctl

SETTINGS = [
    Sysctl(concern="x", setting="kernel.ostype", value="Linux"),
    Sysctl(concern="x", setting="net.ipv4.ip_local_port_range", value="1 2"),
    Sysctl(concern="x", setting="kernel.no_such_thing", value="1"),
]
UNWANTED = [Package(concern="x", package="telnetd", present=False)]


def answer(resources: Sequence[Resource], path: str) -> list[str]:
    """Return what the kind's probe prints where the commands are those of PATH."""
    probe = shell("probe").replace("PATH=/usr/sbin:/usr/bin:/sbin:/bin", f"PATH={path}")
    script = probe + type(resources[0]).probe(resources)  # type: ignore[arg-type]
    done = subprocess.run([program("sh"), "-s"], input=script, capture_output=True, text=True)
    return [*done.stdout.splitlines(), END]


def test_kernel_settings_are_read_as_sysctl_shows_them() -> None:
    seen = parse(answer(SETTINGS, "/usr/bin:/bin"), SETTINGS)
    assert isinstance(seen, Observation)
    shown = subprocess.run(
        [program("sysctl"), "-n", SETTINGS[1].setting], capture_output=True, text=True, check=True
    )
    assert seen.get("sysctl", "kernel.ostype") == ("Linux",)
    assert list(seen.get("sysctl", SETTINGS[1].setting)) == shown.stdout.split()
    assert seen.get("sysctl", "kernel.no_such_thing") == ("absent",)


def test_kernel_settings_without_tools_are_not_observed(tmp_path: Path) -> None:
    answered = parse(answer(SETTINGS, str(tmp_path)), SETTINGS)
    assert answered == Unobserved("no answer about sysctl:kernel.ostype")


def test_damaged_package_database_is_not_one_without_the_package(tmp_path: Path) -> None:
    assert isinstance(parse(answer(UNWANTED, "/usr/bin:/bin"), UNWANTED), Observation)
    (tmp_path / "dpkg-query").write_text("#!/bin/sh\nexit 2\n")
    (tmp_path / "dpkg-query").chmod(0o755)
    answered = parse(answer(UNWANTED, f"{tmp_path}:/usr/bin:/bin"), UNWANTED)
    assert answered == Unobserved("no answer about package:telnetd")
