"""SE-1 and AV-2: what a desktop must do by itself is locked, so nobody at it can switch it off."""

from __future__ import annotations

import shlex

import pytest

from rempart.verify.machine import Machine
from rempart.verify.proof import Proof

XFCE_POWER = "xfconf xfce4-power-manager /xfce4-power-manager"
MEDIA_HANDLING = "dconf /org/gnome/desktop/media-handling"
SCREEN = {
    "gnome": {
        "dconf /org/gnome/desktop/screensaver/lock-enabled": "false",
        "dconf /org/gnome/desktop/session/idle-delay": "uint32 0",
        "dconf /org/gnome/desktop/lockdown/disable-lock-screen": "true",
    },
    "xfce": {
        "dconf /apps/light-locker/late-locking": "true",
        f"{XFCE_POWER}/presentation-mode": "true",
        f"{XFCE_POWER}/blank-on-ac": "0",
    },
}
MEDIA = {
    "gnome": {
        f"{MEDIA_HANDLING}/autorun-never": "false",
        f"{MEDIA_HANDLING}/automount-open": "true",
    },
    "xfce": {
        "xfconf thunar-volman /autorun/enabled": "true",
        "xfconf thunar-volman /autoopen/enabled": "true",
    },
}
"""By desktop: its settings' own names, and what somebody would set who wants them off."""

# As somebody with an empty home: what the system alone says, and whether it lets itself be changed.
_AS_ANYBODY = """
home=$(mktemp -d) && chown nobody "$home" && cd "$home" || exit 2
runuser -u nobody -- env -i HOME="$home" XDG_RUNTIME_DIR="$home" PATH=/usr/bin:/bin \\
    dbus-run-session -- sh -c {} 2>&1
cd / && rm -r "$home"
"""


@pytest.fixture(scope="module")
def desktop(machine: Machine) -> str:
    """The desktop that is installed: ``gnome``, ``xfce``, ``another``, or nothing."""
    folders = "/usr/share/xsessions /usr/share/wayland-sessions"
    names = machine.ask(f"find {folders} -name '*.desktop' -printf '%f\\n' 2> /dev/null; true")
    known = (name for name in SCREEN if any(n.startswith(name) for n in names.split()))
    return next(known, "another" if names else "")


@pytest.mark.control("SE-1")
def test_screen_locks_itself(machine: Machine, desktop: str, proof: Proof) -> None:
    """The screen locks itself, and nobody who sits there can switch that off."""
    _locked(machine, desktop, SCREEN, proof)


@pytest.mark.control("AV-2")
def test_media_do_not_open(machine: Machine, desktop: str, proof: Proof) -> None:
    """What is plugged in does not run or open, and nobody who sits there can change that."""
    _locked(machine, desktop, MEDIA, proof)


def _locked(
    machine: Machine, desktop: str, settings: dict[str, dict[str, str]], proof: Proof
) -> None:
    if not desktop:
        proof.does_not_apply("no desktop", "find /usr/share/xsessions")
        return
    known = desktop in settings
    proof.that(known, f"one of {', '.join(settings)}", desktop, "find /usr/share/xsessions")
    loose = _loose(machine, settings[desktop])
    proof.none(loose, "every setting there and locked", "dconf, xfconf-query as nobody")


def _loose(machine: Machine, settings: dict[str, str]) -> list[str]:
    """Return the settings that are not there, or have that value after somebody tried."""
    tries = (_try(*name.split(), value) for name, value in settings.items())
    script = f"exec 2> /dev/null; {'; '.join(tries)}"
    said = machine.ask(_AS_ANYBODY.format(shlex.quote(script)), name="dconf, xfconf-query")
    seen = [line.removeprefix("seen ") for line in said.splitlines() if line.startswith("seen")]
    seen += ["no answer"] * (len(settings) - len(seen))
    return [
        f"{name}: {found}"
        for (name, wish), found in zip(settings.items(), seen, strict=False)
        if found in {wish, "seen", "no answer"}
    ]


def _try(tool: str, *words: str) -> str:
    """Return sh that sets a setting and says what it then is: ``seen VALUE``."""
    *place, value = words
    if tool == "dconf":
        read = f"dconf read {place[0]}"
        return f"dconf write {place[0]} {shlex.quote(value)}; echo seen $({read})"
    read = f"xfconf-query -c {place[0]} -p {place[1]}"
    return f"{read} -s {value}; echo seen $({read})"
