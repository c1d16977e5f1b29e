"""Permissions: patterns, what is stricter already, and the way back."""

from __future__ import annotations

import pytest

from rempart.resources import Observation, Permission


def seen(**files: str) -> Observation:
    """Return what a host says: ``seen(**{"/etc/x": "644 root root"})``."""
    facts = {path: tuple(fields.split()) for path, fields in files.items()}
    return Observation({"permission": facts})


def restricted(path: str = "/boot/System.map-*", mode: str = "0600") -> Permission:
    return Permission(concern="filesystem", path=path, mode=mode)


def test_every_file_that_a_pattern_means_is_restricted() -> None:
    host = seen(
        **{
            "/boot/System.map-*": "absent",
            "/boot/System.map-1": "644 root root",
            "/boot/System.map-2": "600 root root",
            "/boot/System.map-3/x": "644 root root",
            "/boot/vmlinuz": "644 root root",
        }
    )
    change = restricted().diff(host)
    assert change
    assert change.script == "set_permission /boot/System.map-1 600 root root\n"


@pytest.mark.parametrize("mode", ["600", "400", "0"])
def test_what_is_stricter_already_stays(mode: str) -> None:
    assert restricted("/etc/x").diff(seen(**{"/etc/x": f"{mode} root root"})) is None


def test_what_is_not_there_needs_nothing() -> None:
    assert restricted("/etc/x").diff(seen(**{"/etc/x": "absent"})) is None


def test_setuid_goes_and_dpkg_is_told() -> None:
    chsh = Permission(concern="filesystem", path="/usr/bin/chsh", mode="0755", lasting=True)
    change = chsh.diff(seen(**{"/usr/bin/chsh": "4755 root root"}))
    assert change
    assert change.script.splitlines() == [
        "set_permission /usr/bin/chsh 755 root root",
        "keep_permission /usr/bin/chsh 755 root root",
    ]


def test_another_owner_is_a_change() -> None:
    assert restricted("/etc/x").diff(seen(**{"/etc/x": "600 www-data root"}))


def test_undo_puts_every_mode_back() -> None:
    host = seen(**{"/boot/System.map-1": "644 root adm", "/boot/System.map-2": "600 root root"})
    original = restricted().original(host)
    _, script = Permission.undo("/boot/System.map-*", original, host)
    assert "set_permission /boot/System.map-1 644 root adm\n" in script
    assert "set_permission /boot/System.map-2 600 root root\n" in script


def test_mode_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        restricted("/etc/x").diff(seen(**{"/etc/x": "rw root root"}))
