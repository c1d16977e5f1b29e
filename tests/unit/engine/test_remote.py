"""The sh that runs on hosts, whole as it is sent, read by shellcheck."""

from __future__ import annotations

import subprocess
from datetime import date
from pathlib import Path

import pytest

from lab.requirements import program
from rempart.engine.diff import diff
from rempart.engine.guard import LIBRARIES, Guard
from rempart.engine.observe import script
from rempart.engine.remote import shell, whole
from rempart.hardening import desired
from rempart.policy import Policy, Traits, load
from rempart.resources import File, Observation, Resource
from rempart.resources.base import call

EXAMPLE = Path(__file__).parents[3] / "inventories" / "example.yaml"

TRAITS = Traits(
    os="debian", release="13", codename="trixie", arch="amd64", virtualisation="none",
    memory="standard", desktop="none", locale="fr_FR.UTF-8",
)  # fmt: skip


def complaints(text: str) -> str:
    """Return shellcheck's warnings and errors about a POSIX script."""
    command = [program("shellcheck"), "--shell=sh", "--severity=warning", "--format=gcc", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False).stdout


@pytest.fixture(scope="module")
def wanted() -> list[Resource]:
    policy: Policy = load(EXAMPLE)
    return desired(policy, policy.host("srv-sftp"), TRAITS, date(2026, 11, 22))


def test_shellcheck_is_there_and_complains_when_it_should() -> None:
    assert "SC2154" in complaints('echo "$unknown"\n')


def test_observation_is_clean_posix_shell(wanted: list[Resource]) -> None:
    assert complaints(script(wanted)) == ""


def test_changes_are_clean_posix_shell(wanted: list[Resource]) -> None:
    nothing = Observation({"text": {"/etc/login.defs": ("",)}, "manifest": {}})
    changes = diff(wanted, nothing)
    assert {change.id.partition(":")[0] for change in changes} >= {"file", "user", "group", "unit"}
    assert complaints(shell("lib") + "".join(change.script for change in changes)) == ""


def test_script_that_is_cut_anywhere_does_nothing(tmp_path: Path) -> None:
    """The shell carries out what it has read, and a here-document may end with the connection."""
    text = whole(call("tee", str(tmp_path / "ran"), stdin="AAAA"))
    body = text.removeprefix(shell("lib"))
    for end in range(len(body) - 1):
        subprocess.run(
            [program("dash")], input=body[:end], text=True, capture_output=True, check=False
        )
    assert list(tmp_path.iterdir()) == []
    subprocess.run([program("dash")], input=body, text=True, capture_output=True, check=True)
    assert (tmp_path / "ran").exists()


def test_checkers_of_files_are_clean_posix_shell(wanted: list[Resource]) -> None:
    checks = [each.check for each in wanted if isinstance(each, File) and each.check]
    assert len(checks) >= 2
    assert [complaints(check) for check in checks] == [""] * len(checks)


def test_guard_is_clean_posix_shell() -> None:
    guard = Guard()
    assert complaints(guard.confirm_script()) == ""
    assert complaints(shell("lock") + shell("tidy") + shell("revert")) == ""
    libraries = "".join(map(shell, ("lib", "lock", *LIBRARIES)))
    assert complaints(libraries + guard.lock.around(guard.switch(), "none free")) == ""
