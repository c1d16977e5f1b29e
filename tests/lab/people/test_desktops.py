"""What users of a desktop cannot switch off: each tries, with the tools that the desktop has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import practice
import pytest

from lab.host import Host
from lab.session import Session

TOOLS = "dconf-cli dconf-gsettings-backend gsettings-desktop-schemas libglib2.0-bin dbus-daemon"
DESKTOPS = {"gnome": TOOLS, "xfce": f"{TOOLS} xfconf thunar-volman"}
"""What of a desktop knows its settings: the shell itself reads them from there."""


@dataclass
class Desks:
    """`t/gnome` is a Debian 12 host, `t/xfce` a Debian 13 host, both hardened."""

    hosts: dict[str, Host]
    inventory: Path

    def as_user(self, desktop: str, script: str) -> str:
        """Return the last line that a command says in a session of a user's own."""
        session = f"runuser -l user -c \"dbus-run-session -- sh -c '{script}'\" 2> /dev/null"
        return self.hosts[desktop].run(session, check=False).stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def desks(lab: Session, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desks]:
    with ExitStack() as stack:
        gnome, xfce = lab.fresh_host("debian-12-ready"), lab.fresh_host("debian-13-ready")
        hosts = {"gnome": gnome, "xfce": xfce}
        for name, host in hosts.items():
            stack.callback(host.remove)
            host.run(
                f"apt-get install -qq -y --no-install-recommends {DESKTOPS[name]} > /dev/null"
                f" && mkdir -p /usr/share/xsessions && touch /usr/share/xsessions/{name}.desktop"
                " && useradd -m -s /bin/sh user"
            )
        folder = tmp_path_factory.mktemp("desks")
        kept = [{"login": "user", "reason": "the desk's own"}]
        inventory = practice.enrolled(folder, hosts, accounts={"unknown": "report", "kept": kept})
        applied = practice.rempart("apply", inventory, "--yes")
        assert applied.returncode == 0, applied.stdout + applied.stderr
        yield Desks(hosts, inventory)


def test_user_of_gnome_cannot_switch_the_lock_off(desks: Desks) -> None:
    lock = "org.gnome.desktop.screensaver lock-enabled"
    delay = "org.gnome.desktop.session idle-delay"
    assert desks.as_user("gnome", f"gsettings writable {lock}") == "false"
    change = f"gsettings set {delay} 0; gsettings get {delay}"
    assert desks.as_user("gnome", change) == "uint32 600"
    ours = "org.gnome.desktop.interface clock-show-seconds"
    assert desks.as_user("gnome", f"gsettings set {ours} true; gsettings get {ours}") == "true"


def test_user_of_xfce_cannot_switch_the_lock_off(desks: Desks) -> None:
    query = "xfconf-query -c xfce4-power-manager -p /xfce4-power-manager"
    change = f"{query}/blank-on-ac -s 0; {query}/blank-on-ac"
    assert desks.as_user("xfce", change) == "10"
    own = f"{query}/show-tray-icon"
    assert desks.as_user("xfce", f"{own} -n -t bool -s true; {own}") == "true"
    locker = "/apps/light-locker/late-locking"
    assert desks.as_user("xfce", f"dconf write {locker} true; dconf read {locker}").endswith(
        "false"
    )


def test_nothing_that_is_plugged_in_opens(desks: Desks) -> None:
    media = "org.gnome.desktop.media-handling"
    assert desks.as_user("gnome", f"gsettings writable {media} autorun-never") == "false"
    query = "xfconf-query -c thunar-volman -p /autorun/enabled"
    assert desks.as_user("xfce", f"{query} -s true; {query}") == "false"


def test_second_run_changes_nothing(desks: Desks) -> None:
    assert practice.rempart("plan", desks.inventory).returncode == 0


@pytest.mark.parametrize(
    ("desktop", "do", "mend"),
    [
        (
            "gnome",
            "mv /etc/dconf/db/rempart /root/; echo user-db:user > /etc/dconf/profile/user",
            "mv /root/rempart /etc/dconf/db/",
        ),
        ("xfce", "mv /etc/xdg/xfce4/xfconf /root/", "mv /root/xfconf /etc/xdg/xfce4/"),
    ],
)
def test_lock_that_is_gone_is_red_and_comes_back(
    desks: Desks, desktop: str, do: str, mend: str
) -> None:
    controls = ("--control", "SE-1", "--control", "AV-2")
    verify = ("verify", desks.inventory, "--host", desktop, *controls)
    green = practice.rempart(*verify)
    assert green.returncode == 0, green.stdout
    desks.hosts[desktop].run(do)
    red = practice.rempart(*verify)
    assert red.returncode == 1
    for control in ("SE-1", "AV-2"):
        assert f"\nt/{desktop}: {control}: " in red.stdout
    desks.hosts[desktop].run(mend)
    again = practice.rempart("apply", desks.inventory, "--yes", "--host", desktop)
    assert again.returncode == 0, again.stderr
    assert practice.rempart(*verify).returncode == 0


def test_release_takes_the_locks_away(desks: Desks) -> None:
    released = practice.rempart("release", desks.inventory, *desks.hosts, "--yes")
    assert released.returncode == 0, released.stdout + released.stderr
    lock = "org.gnome.desktop.screensaver lock-enabled"
    assert desks.as_user("gnome", f"gsettings writable {lock}") == "true"
    left = "find /etc/dconf /etc/xdg/xfce4 -name '*rempart*' -o -name '*.original' 2> /dev/null"
    for host in desks.hosts.values():
        assert host.run(left, check=False).stdout == ""
