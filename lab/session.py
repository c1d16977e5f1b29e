"""The lab for a test session: hosts that come and go, and nothing left when the session has ended.

Sessions run side by side (pytest-xdist) and beside a lab that people have brought up.
"""

import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from lab import control, place, requirements
from lab.errors import LabError
from lab.host import Host
from lab.topology import OUTSIDER

_REPOSITORY = Path(__file__).parents[1]


class Session:
    """A context manager; entering makes the networks, leaving removes this session's hosts.

    The last session to leave takes the whole lab down, unless `python -m lab up` was said.
    """

    def __init__(self) -> None:
        self._name = f"session-{os.getpid()}"
        self._reaper: subprocess.Popen[str] | None = None

    def __enter__(self) -> "Session":
        """Start the process that cleans up after us, then make the networks."""
        requirements.check()
        place.make_directories()
        self._reaper = subprocess.Popen(
            [sys.executable, "-m", "lab.reaper", self._name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(_REPOSITORY)},
            start_new_session=True,  # Ctrl-C is for us, not for it
        )
        assert self._reaper.stdout
        if self._reaper.stdout.readline() != "ready\n":
            raise LabError("lab: reaper: did not start; read what it said above")
        control.make_base()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let the reaper do its work and wait for it."""
        assert self._reaper
        self._reaper.communicate()
        if self._reaper.returncode != 0 and error is None:
            raise LabError("lab: reaper: could not clean up; run `python -m lab down`")

    @property
    def outsider(self) -> list[str]:
        """Return words that, put before a command, run it from 10.77.0.200.

        That is no management address.
        """
        return [requirements.program("ip"), "netns", "exec", OUTSIDER]

    def fresh_host(self, image: str = "debian-12") -> Host:
        """Return a stock host, just booted, that nobody else uses (about a second)."""
        return self.fresh_hosts(1, image)[0]

    def fresh_hosts(self, count: int, image: str = "debian-12") -> list[Host]:
        """Return that many fresh hosts, booted side by side."""
        hosts = [control.take_spare(image, self._name) for _ in range(count)]
        control.boot(hosts)
        return hosts

    def up(self, *identities: str) -> list[Host]:
        """Boot named hosts, such as `srv-sftp`; they are shared with everyone on this machine."""
        return control.up(identities, keep=False)
