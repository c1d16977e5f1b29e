"""What a host gets back when rempart leaves it, by kind."""

from __future__ import annotations

import base64

from rempart.resources import Directory, Observation, Package, Setting, Unit, User

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


def test_all_active_lines_of_a_setting_come_back() -> None:
    text = base64.b64encode(b"A 1\nB 2\n A 3\n").decode()
    setting = Setting(concern="x", path="/etc/x", setting="A", value="9")
    original = setting.original(Observation({"text": {"/etc/x": (text,)}}))
    lines, script = Setting.undo("/etc/x#A", original, NOTHING)
    assert lines == ["- A", "+ A 1", "+  A 3"]
    assert script == "set_line /etc/x A 'A 1\n A 3'\n"


def test_older_folder_gets_its_mode_and_owner_back() -> None:
    seen = Observation({"directory": {"/etc/x": ("41f8", "root", "adm")}})
    original = Directory(concern="x", path="/etc/x").original(seen)
    assert Directory.undo("/etc/x", original, NOTHING)[1] == "make_directory /etc/x 0770 root adm\n"


def test_unit_that_was_masked_is_masked_again() -> None:
    original = ("masked", "inactive", "masked")
    assert "systemctl -q mask x.timer" in Unit.undo("x.timer", original, NOTHING)[1]


def test_package_that_rempart_installed_is_purged_only_when_it_leaves() -> None:
    original = Package(concern="x", package="p").original(NOTHING)
    assert Package.release("p", original, NOTHING)[1] == "purge_unneeded p\n"
    assert Package.undo("p", original, NOTHING)[1] == "remove_unneeded p\n"
