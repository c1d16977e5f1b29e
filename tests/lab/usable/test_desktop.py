"""A person works at a hardened desk: logs in at the screen, locks it, and uses both browsers."""

from __future__ import annotations

import pytest
from office import LOGIN, PASSWORD, Office
from patient import wait_until
from screen import AUTHORIZED, FIRST, GREETER, LOCKED, WAIT_S, Screen

FILE = "/srv/page.html"
PAGE = """<!doctype html><meta charset="utf-8"><title>leer</title>
<script>document.title = 'Ordonnance ' + 6 * 7</script>"""

XFCE = ("xfce4-session", "xfwm4", "xfdesktop", "xfce4-panel", "light-locker", "xfce4-power-man")

BROWSERS = {"firefox-esr": "-contentproc .* tab$", "chromium": "--type=renderer"}
"""The browsers, and what a process that shows pages is started with."""


@pytest.fixture
def screen(office: Office) -> Screen:
    """Her desk, nobody logged in."""
    screen = Screen(office.desk)
    screen.start()
    return screen


@pytest.fixture
def session(screen: Screen) -> Screen:
    """Her desk, at which she has logged in."""
    screen.log_in(PASSWORD)
    assert AUTHORIZED in screen.log()
    wait_until(lambda: all(map(screen.runs, XFCE)), WAIT_S)
    return screen


def test_wrong_password_opens_no_session(screen: Screen) -> None:
    screen.log_in(PASSWORD + "!")
    assert AUTHORIZED not in screen.log()
    assert not screen.runs("xfce4-session")


def test_login_brings_the_desktop_in_french(session: Screen) -> None:
    wait_until(lambda: "Bureau" in session.windows(FIRST), WAIT_S)
    assert GREETER not in session.windows(FIRST)
    assert "seat0" in session.host.run(f"loginctl list-sessions | grep {LOGIN}").stdout


def test_screen_goes_dark_after_ten_minutes(session: Screen) -> None:
    wait_until(lambda: session.does("xset q | grep -q 'timeout:  600 '"), WAIT_S)


@pytest.mark.parametrize("locked_by", ["xset s activate", "xflock4"])
def test_dark_or_locked_screen_asks_for_the_password(session: Screen, locked_by: str) -> None:
    wait_until(lambda: session.does("light-locker-command --query"), WAIT_S)
    assert session.does(locked_by)
    wait_until(lambda: GREETER in session.windows(LOCKED), WAIT_S)
    session.give(LOCKED, PASSWORD + "!")
    assert "Unlocking login1 session" not in session.log()
    session.give(LOCKED, PASSWORD)
    wait_until(lambda: "Unlocking login1 session" in session.log(), WAIT_S)
    assert session.runs("xfce4-session")


@pytest.mark.parametrize("browser", BROWSERS)
def test_browser_shows_a_page_in_its_sandbox(session: Screen, browser: str) -> None:
    session.host.run(f"cat > {FILE}; chmod 644 {FILE}", input=PAGE)
    assert session.does(f"{browser} {FILE} > /dev/null 2>&1 &")
    wait_until(lambda: any(t.startswith("Ordonnance 42") for t in session.windows(FIRST)), WAIT_S)
    pages = session.host.run(f"pgrep -u {LOGIN} -f -- '{BROWSERS[browser]}'").stdout.split()
    assert pages
    for process in pages:
        confined = f"grep -qx 'Seccomp:[[:space:]]*2' /proc/{process}/status"
        apart = f"readlink /proc/1/ns/user /proc/{process}/ns/user | uniq | wc -l"
        assert session.host.run(f"{confined} && {apart}").stdout == "2\n"


def test_desk_in_use_is_green(session: Screen, office: Office) -> None:
    session.does("firefox-esr > /dev/null 2>&1 & chromium > /dev/null 2>&1 &")
    wait_until(lambda: session.runs("chromium") and session.runs("firefox-esr"), WAIT_S)
    done = office.verify("desk")
    assert done.returncode == 0, done.stdout
