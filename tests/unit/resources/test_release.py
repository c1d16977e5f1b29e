"""What a host gets back when rempart leaves it, by kind."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest

from lab.requirements import program
from rempart.engine.remote import shell
from rempart.resources import Directory, Observation, Package, Setting, Unit, User
from rempart.resources.setting import with_line

NOTHING = Observation({})


def account(*groups: str) -> User:
    managed = ("sudo", "rempart-ssh")
    return User(concern="x", login="m", comment="M", groups=groups, managed=managed)


def test_account_that_rempart_made_goes_and_one_that_is_no_longer_wanted_is_retired() -> None:
    original = account().original(NOTHING)
    assert User.release("m", original, NOTHING)[1] == "delete_user m\n"
    assert User.undo("m", original, NOTHING)[1] == "retire_user m made\n"


def test_older_account_gets_back_what_it_had() -> None:
    seen = Observation(
        {
            "user": {"m": ("Old,1,2", "/bin/zsh", "1000")},
            "shadow": {"m": ("20500",)},
            "member": {"m": ("sudo,users",)},
        }
    )
    lines, script = User.release("m", account("rempart-ssh").original(seen), NOTHING)
    assert script.splitlines() == [
        "usermod --comment Old,1,2 --shell /bin/zsh --expiredate 20500 m",
        "restore_membership m sudo yes",
        "restore_membership m rempart-ssh no",
    ]
    assert "password" not in script
    assert lines[-1] == "+ in group sudo"


TEXTS = ["A 1\nB 2\n A 3\n", "B 2\n", "A\t1\n# A 2\nAB 3\n", "# rempart: B 1\nA 1\nA\n"]


@pytest.mark.parametrize("text", TEXTS)
def test_shared_file_is_what_it_was_before_its_setting(text: str, tmp_path: Path) -> None:
    file = tmp_path / "shared"
    file.write_text(text)
    setting = Setting(concern="x", path=str(file), setting="A", value="9")
    seen = Observation({"text": {str(file): (base64.b64encode(text.encode()).decode(),)}})
    change = setting.diff(seen)
    assert change
    run(tmp_path, change.script)
    assert file.read_text() == with_line(text, "A", "A 9")
    run(tmp_path, Setting.undo(setting.key, setting.original(seen), NOTHING)[1])
    assert file.read_text() == text


def run(folder: Path, script: str) -> None:
    """Run a change's script with the library, whose own folders are elsewhere."""
    library = shell("lib").replace("/run/rempart", f"{folder}/run").replace(
        "state=/var/lib/rempart", f"state={folder}/state")  # fmt: skip
    subprocess.run([program("sh"), "-s"], input=library + script, text=True, check=True)


def test_older_folder_gets_its_mode_and_owner_back() -> None:
    seen = Observation({"directory": {"/etc/x": ("41f8", "root", "adm")}})
    original = Directory(concern="x", path="/etc/x").original(seen)
    assert Directory.undo("/etc/x", original, NOTHING)[1] == "make_directory /etc/x 0770 root adm\n"


def test_unit_that_was_masked_is_masked_again() -> None:
    original = ("masked", "inactive", "masked")
    assert "systemctl -q mask x.timer" in Unit.undo("x.timer", original, NOTHING)[1]


def test_unit_that_came_after_us_and_was_never_switched_off_is_left_alone() -> None:
    off = Unit(concern="x", unit="x.service", enabled=False, running=False)
    absent = Observation({"unit": {"x.service": ("not-found", "inactive", "")}})
    assert Unit.undo("x.service", off.original(absent), NOTHING)[1] == ""


def test_unit_that_came_after_us_comes_back_as_it_was_found() -> None:
    off = Unit(concern="x", unit="x.service", enabled=False, running=False)
    absent = Observation({"unit": {"x.service": ("not-found", "inactive", "")}})
    runs = Observation({"unit": {"x.service": ("loaded", "active", "enabled")}})
    kept = off.kept(off.original(absent), runs)
    script = "systemctl -q enable x.service\nsystemctl -q start x.service\n"
    assert Unit.undo("x.service", kept, NOTHING)[1] == script
    done = Observation({"unit": {"x.service": ("loaded", "inactive", "disabled")}})
    assert off.kept(kept, done) == kept
    assert off.kept(off.original(absent), done) == off.original(absent)


def test_unit_whose_rules_stand_in_the_kernel_without_it_is_flushed_and_started_again() -> None:
    ufw = Unit(concern="x", unit="ufw.service", enabled=False, running=False, after_stop="flush\n")
    seen = Observation({"unit": {"ufw.service": ("loaded", "inactive", "enabled")}})
    change = ufw.diff(seen)
    assert change
    assert change.script == "systemctl -q disable ufw.service\nflush\n"
    _, script = Unit.undo("ufw.service", ufw.original(seen), NOTHING)
    assert script == "systemctl -q enable ufw.service\nsystemctl -q start ufw.service\n"
    off = Observation({"unit": {"ufw.service": ("loaded", "inactive", "disabled")}})
    assert ufw.diff(off) is None


def test_package_that_rempart_installed_is_purged_only_when_it_leaves() -> None:
    original = Package(concern="x", package="p").original(NOTHING)
    assert Package.release("p", original, NOTHING)[1] == "purge_unneeded p\n"
    assert Package.undo("p", original, NOTHING)[1] == "remove_unneeded p\n"


@pytest.mark.parametrize("before", [("absent",), ("not-installed", "")])
def test_package_that_was_never_installed_goes(before: tuple[str, ...]) -> None:
    lines, script = Package.release("chrony", before, Observation({}))
    assert "purge_unneeded chrony" in script
    assert lines == ["- chrony, unless another package needs it"]


def test_package_of_before_stays() -> None:
    assert Package.release("chrony", ("installed", "4.3"), Observation({}))[1] == ""
