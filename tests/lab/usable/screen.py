"""Sitting at a desk: its greeter, its windows, a hand on its keyboard, all inside the host."""

from __future__ import annotations

import re
import shlex
import time
from contextlib import suppress
from dataclasses import dataclass
from subprocess import CompletedProcess

from office import LOGIN
from patient import wait_until

from lab.host import Host

LOG = "/var/log/lightdm/lightdm.log"
ASKED, ANSWER = f"authentication for {LOGIN}.*Prompt greeter", "Authenticate result"
NAME_ASKED = r"start authentication\n(?!.*start authentication for).*Prompt greeter"
AUTHORIZED = f"User {LOGIN} authorized"
GREETER = "lightdm-gtk-greeter"
WAIT_S = 240
"""A busy machine takes its time; an idle one some seconds."""
TRIES = 3

FIRST, LOCKED = ":0", ":1"
"""Displays: where people log in and work, and where the greeter of a locked screen comes up."""


@dataclass
class Screen:
    """The screen of a host with lightdm."""

    host: Host

    def start(self) -> None:
        """End all sessions and wait for the greeter; on a busy machine it may need more tries."""
        for _ in range(TRIES - 1):
            with suppress(AssertionError):
                return self._restart()
        return self._restart()

    def _restart(self) -> None:
        self.host.run(f"systemctl stop lightdm; pkill -KILL -u {LOGIN}", check=False)
        wait_until(lambda: not self.runs("systemd"), WAIT_S)
        self.host.run("systemctl reset-failed lightdm; systemctl start lightdm")
        wait_until(
            lambda: GREETER in self.windows(FIRST) and "Prompt greeter" in self.log(),
            WAIT_S / TRIES,
        )

    def log_in(self, password: str) -> None:
        """Type name and password into the greeter."""
        self.give(FIRST, password)

    def give(self, display: str, password: str) -> None:
        """Type a password once the greeter has asked for it, and wait for the answer.

        A greeter may ask for the name first, that of a locked screen too, seldom.
        """
        try:
            wait_until(lambda: self._is_asked(display), WAIT_S)
        except AssertionError as error:
            error.add_note(f"{self.windows(display)}, and lightdm has logged:\n{self.log()}")
            raise
        time.sleep(1)  # the field takes what is typed a moment after the question
        answers = self.log().count(ANSWER)
        self.type(display, password)
        wait_until(lambda: self.log().count(ANSWER) > answers, WAIT_S)

    def _is_asked(self, display: str) -> bool:
        """Tell whether the password is asked for; where the name is, type that."""
        log = self.log().rpartition(ANSWER)[2]
        if re.search(NAME_ASKED, log, re.DOTALL):
            time.sleep(2)  # its own choice of a user comes a moment later, or the field's focus
            if re.search(NAME_ASKED, self.log().rpartition(ANSWER)[2], re.DOTALL):
                self.type(display, LOGIN)
            time.sleep(5)
        return bool(re.search(ASKED, self.log().rpartition(ANSWER)[2], re.DOTALL))

    def log(self) -> str:
        """Return what lightdm has logged since it started."""
        return self.host.run(f"cat {LOG}").stdout

    def type(self, display: str, text: str) -> None:
        """Type a line, in place of what stands in the field."""
        keys = (
            f"xdotool key ctrl+a; xdotool type --delay 50 {shlex.quote(text)}; xdotool key Return"
        )
        self._at(display, keys)

    def windows(self, display: str) -> list[str]:
        """Return the titles of the windows that are seen."""
        titles = "xdotool search --onlyvisible --name . getwindowname %@"
        return self._at(display, titles, check=False).stdout.splitlines()

    def _at(self, display: str, command: str, check: bool = True) -> CompletedProcess[str]:
        keys = f"DISPLAY={display} XAUTHORITY=/run/lightdm/root/{display}"
        return self.host.run(f"export {keys}; {command}", check=check, timeout_s=60)

    def runs(self, program: str) -> bool:
        """Tell whether a program of the practitioner's runs."""
        return self.host.run(f"pgrep -x -u {LOGIN} {program}", check=False).returncode == 0

    def does(self, command: str) -> bool:
        """Run a command of hers in her session; tell whether it succeeds."""
        environment = f"/proc/$(pgrep -o -x -u {LOGIN} xfce4-session)/environ"
        start = f"""sh -c 'exec env -i "$@" sh -c "$0"' {shlex.quote(command)}"""
        words = f"runuser -u {LOGIN} -- xargs -0 -a {environment} {start}"
        return self.host.run(words, check=False, timeout_s=WAIT_S).returncode == 0
