"""Takes a test session's hosts away when the session ends, however it ends.

`python -m lab.reaper SESSION` is started by the session, which holds the other end of its stdin.
End of file means that the session is over, by its own will or by SIGKILL. All clean-up is done
here, so that there is one way only.
"""

import fcntl
import sys

from lab import control, machine, place
from lab.errors import LabError
from lab.host import Host

_SESSIONS = place.LOCKS / "sessions"


def serve(session: str) -> None:
    """Say `ready`, wait for the end of the session, remove its hosts; the last one takes all down.

    The lab stays if someone said `up`.
    """
    with _SESSIONS.open("w") as sessions:
        fcntl.flock(sessions, fcntl.LOCK_SH)  # as long as any session has it, the lab is in use
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.read()
        mine = [host for host in control.present() if control.owner(host) == session]
        control.each(mine, Host.remove)
        with machine.lock("last"):
            try:
                fcntl.flock(sessions, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            if not control.KEPT.exists():
                control.down()


if __name__ == "__main__":
    try:
        serve(sys.argv[1])
    except LabError as error:
        sys.exit(str(error))
