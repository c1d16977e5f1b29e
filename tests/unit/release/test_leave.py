"""What leaving a host takes: all that is owned, in its order, our own way in last."""

from __future__ import annotations

import base64
import subprocess
from dataclasses import replace

import pytest

from lab.requirements import program
from rempart.engine import manifest
from rempart.engine.observe import parse, script
from rempart.engine.remote import shell, whole
from rempart.release import leave
from rempart.release.leave import LAST, Leaver
from rempart.resources import Directory, File, Group, Observation, Package, Resource, Unit, User

LEAVER = Leaver("rempart", "t.leroy@pc")
WANTED: list[Resource] = [
    Group(concern="x", risky=True, group="rempart-ssh"),
    User(concern="x", risky=True, login="m", comment="M"),
    User(concern="x", risky=True, login="rempart", comment="R", system=True),
    Directory(concern="x", path="/etc/keys"),
    File(concern="x", risky=True, path="/etc/a", content="a\n", reloads=("ssh.service",)),
    File(concern="x", path="/etc/never-written", content="b\n"),
    Package(concern="x", package="p"),
    Package(concern="x", package="telnet", present=False),
    Unit(concern="x", risky=True, unit="ssh.service"),
]
BEFORE = Observation({"unit": {"ssh.service": ("loaded", "active", "enabled")}})


def observed(**facts: dict[str, tuple[str, ...]]) -> Observation:
    owned = manifest.claimed({}, WANTED, BEFORE)
    encoded = base64.b64encode(manifest.render(owned).encode()).decode()
    original = {"/etc/a": ("absent", "taken"), **facts.pop("original", {})}
    return Observation({**facts, "original": original, "manifest": {"json": (encoded,)}})


def ids(seen: Observation) -> list[str]:
    return [change.id for change in leave.restoring(seen, LEAVER)]


def test_everything_owned_is_given_up_but_our_own_way_in() -> None:
    assert ids(observed()) == [
        "file:/etc/a", "directory:/etc/keys", "user:m", "reload:ssh.service", "package:ours", LAST,
    ]  # fmt: skip


def test_host_without_a_manifest_has_the_last_step_left() -> None:
    assert ids(Observation({})) == [LAST]


def test_packages_that_rempart_installed_go_together() -> None:
    seen = observed()
    owned = manifest.load(seen)
    owned |= {"package:o": replace(owned["package:p"], id="package:o")}
    encoded = base64.b64encode(manifest.render(owned).encode()).decode()
    seen.facts["manifest"] = {"json": (encoded,)}
    *_, packages, _ = leave.restoring(seen, LEAVER)
    assert packages.script == "purge_unneeded o p\n"
    needed = "unless another package needs it"
    assert sorted(packages.diff) == [f"- o, {needed}", f"- p, {needed}"]


def test_what_apt_brought_goes_and_what_it_took_comes_back() -> None:
    seen = observed(brought={"p": (), "along": ()}, taken={"telnet": ("manual",), "lib": ("auto",)})
    *_, brought, taken, last = leave.restoring(seen, LEAVER)
    assert brought.script == "purge_brought along\n"
    assert taken.script == "install_again lib auto telnet manual\n"
    assert last.id == LAST


def test_file_that_was_not_named_by_the_policy_comes_back_unless_its_place_is_taken() -> None:
    seen = observed(
        original={"/etc/keys/old": ("kept", "free"), "/etc/keys/new": ("kept", "taken")}
    )
    (change,) = (c for c in leave.restoring(seen, LEAVER) if c.label.startswith("Put back"))
    assert change.script == "mkdir -p /etc/keys\nrestore_file /etc/keys/old\n"
    assert leave.not_put_back(seen) == ["/etc/keys/new"]


def test_leaver_whose_account_rempart_made_goes_too() -> None:
    assert "user:gone" in ids(observed(retired={"gone": ()}))


def test_hardening_that_is_kept_keeps_its_group() -> None:
    (change,) = leave.handing_over(LEAVER)
    assert change.script == "farewell rempart /var/lib/rempart-automation '' t.leroy@pc\n"


@pytest.mark.parametrize(
    "text",
    [
        whole("farewell a b c d\n", "tidy", "leave"),
        script([], shell("leaving") + File.probe([]) + "probe_leaving a b\n"),
    ],
    ids=["leave", "observation"],
)
def test_scripts_are_clean_posix_shell(text: str) -> None:
    command = [program("shellcheck"), "--shell=sh", "--severity=warning", "--format=gcc", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.stdout == ""


def test_answer_of_a_release_is_understood() -> None:
    lines = ["original\t/etc/a\tkept\tfree", "retired\tm", "brought\tp", "taken\tq\tauto"]
    lines += ["admin\troot\tyes\tno\troot\tusepam yes", "end\tof\tanswer"]
    assert isinstance(parse(lines, []), Observation)
