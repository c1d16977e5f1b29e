"""A person's own ways in work on a hardened host: the console, su, sudo, a password of her own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import practice
import pytest

from lab.host import Host

LOGIN, PASSWORD, ROOTS = "t.leroy", "Voit-la-Mer-9-fois", "Racine-du-Cabinet-7"
BETTER = "Huit-Marees-par-An-4"

# Runs a program on a terminal; stdin has a line per question, "what to wait for<TAB>what to type".
TERMINAL = r"""
import os, pty, select, signal, sys, time
dialogue = [line.rstrip("\n").split("\t") for line in sys.stdin]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
said, asked = b"", 0
while select.select([terminal], [], [], 60)[0]:
    try:
        part = os.read(terminal, 4096)
    except OSError:  # over, or login has hung the terminal up and opens it again
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            break
        time.sleep(0.1)
        continue
    said += part
    if dialogue and dialogue[0][0].encode() in said[asked:]:
        asked = len(said)
        _, answer = dialogue.pop(0)
        if answer == "HANG UP":
            os.kill(pid, signal.SIGKILL)
            break
        os.write(terminal, answer.encode() + b"\n")
else:
    sys.exit(f"silent for a minute after {said}")
sys.stdout.write(said.decode(errors="replace"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


@dataclass
class Room:
    """A hardened host whose technician and root have a password."""

    host: Host
    inventory: Path

    def terminal(self, command: str, *dialogue: tuple[str, str]) -> tuple[int, list[str]]:
        """Run a command on a terminal of the host; return its exit code and the words it said."""
        self.host.run("cat > /root/terminal.py", input=TERMINAL)
        typed = "".join(f"{question}\t{answer}\n" for question, answer in dialogue)
        done = self.host.run(f"python3 /root/terminal.py {command}", input=typed, check=False)
        return done.returncode, done.stdout.split()

    def enters(self, who: str, login: str, password: str) -> bool:
        """Tell whether ``su`` by another account opens with a password."""
        code, said = self.terminal(
            f"runuser -u {who} -- su {login} -c 'echo came in'", ("assword:", password)
        )
        return code == 0 and "came" in said


@pytest.fixture(
    scope="module", params=[("debian-12", "minimal"), ("debian-13", "enhanced")], ids="-".join
)
def room(
    request: pytest.FixtureRequest,
    module_host: Callable[..., Host],
    tmp_path_factory: pytest.TempPathFactory,
) -> Room:
    image, baseline = request.param
    host = module_host(f"{image}-ready")
    inventory = practice.enrolled(tmp_path_factory.mktemp("room"), {"a": host})
    practice.edit(inventory, lambda data: data.update(baseline=baseline))
    done = practice.rempart("apply", inventory, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    host.run("chpasswd", input=f"{LOGIN}:{PASSWORD}\nroot:{ROOTS}\n")
    return Room(host, inventory)


@pytest.mark.parametrize(("login", "password"), [(LOGIN, PASSWORD), ("root", ROOTS)])
def test_console_opens_with_the_password_alone(room: Room, login: str, password: str) -> None:
    prompt = "# " if login == "root" else "$ "
    _, said = room.terminal(
        f"login {login}", ("assword:", password), (prompt, "id -un > /tmp/who; exit")
    )
    assert room.host.run("cat /tmp/who; rm -f /tmp/who").stdout == f"{login}\n", said
    wrong = ("assword:", f"{password}!"), ("incorrect", "HANG UP")
    assert "incorrect" in room.terminal(f"login {login}", *wrong)[1]


def test_su_and_sudo_open_with_the_password(room: Room) -> None:
    assert room.enters("admin", LOGIN, PASSWORD)
    assert room.enters(LOGIN, "root", ROOTS)
    sudo = f"runuser -u {LOGIN} -- sudo -k id -un"
    code, said = room.terminal(sudo, (f"password for {LOGIN}:", PASSWORD))
    assert (code, said[-1]) == (0, "root"), said
    assert room.host.run(f"{sudo} < /dev/null", check=False).returncode != 0


def test_guesses_lock_a_person_for_a_while_and_never_root(room: Room) -> None:
    for login, password in ((LOGIN, PASSWORD), ("root", ROOTS)):
        for guess in range(4):
            assert not room.enters("admin", login, f"{password}{guess}")
    assert not room.enters("admin", LOGIN, PASSWORD)
    assert room.enters("admin", "root", ROOTS)
    room.host.run(f"faillock --user {LOGIN} --reset")
    assert room.enters("admin", LOGIN, PASSWORD)


def test_a_person_changes_her_password_to_a_good_one_alone(room: Room) -> None:
    passwd = f"runuser -u {LOGIN} -- passwd"
    old, new = ("urrent password:", PASSWORD), ("ew password:", BETTER)
    _, said = room.terminal(passwd, old, ("ew password:", "dentiste"), ("BAD PASSWORD", "HANG UP"))
    assert "BAD" in said
    assert room.enters("admin", LOGIN, PASSWORD)
    assert room.terminal(passwd, old, new, new)[0] == 0
    assert room.enters("admin", LOGIN, BETTER)
    back = ("ew password:", PASSWORD)
    _, said = room.terminal(
        passwd, ("urrent password:", BETTER), back, back, ("already used", "HANG UP")
    )
    assert "already" in said
    assert room.enters("admin", LOGIN, BETTER)


def test_package_upgrades_leave_the_rules_for_passwords(room: Room) -> None:
    assert practice.planned(room.inventory) == {"t/a": {}}
    room.host.run(
        "DEBIAN_FRONTEND=noninteractive apt-get -q -y install --reinstall libpam-runtime"
        " libpam-modules libpam-pwquality sudo >/dev/null && pam-auth-update --package"
    )
    assert practice.planned(room.inventory) == {"t/a": {}}
