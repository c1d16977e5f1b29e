"""What a script would run on a host: a real sh with every function and command stubbed.

>>> calls("systemctl -q enable 'a b'\\n")
[('systemctl', '-q', 'enable', 'a b')]
"""

from __future__ import annotations

import re
import subprocess

from lab.requirements import program
from rempart.engine.remote import shell

LIBRARY = re.findall(r"^(\w+)\(\) ", shell("lib") + shell("leave"), re.MULTILINE)
COMMANDS = ("groupadd", "useradd", "usermod", "gpasswd", "systemctl", "sysctl")
WITH_STDIN = ("check_file", "enable_pam", "write_file", "write_state")


def calls(script: str) -> list[tuple[str, ...]]:
    """Return the words of each call, its stdin last; the words are what sh made of the quotes."""
    names = sorted({*LIBRARY, *COMMANDS, *WITH_STDIN})
    stubs = "".join(f"{name}() {{ {_stub(name)} }}\n" for name in names)
    # Without a PATH nothing else is found, and `set -e` says so.
    done = subprocess.run(
        [program("sh"), "-eus"],
        input=f"PATH=/nonexistent\n{stubs}{script}".encode(),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b""), done.stderr.decode()
    return list(_split(done.stdout.decode().split("\0")[:-1]))


def _stub(name: str) -> str:
    if name in WITH_STDIN:
        return f"printf '%s\\0' $(($# + 2)) {name} \"$@\"; /bin/cat; printf '\\0';"
    return f"printf '%s\\0' $(($# + 1)) {name} \"$@\";"


def _split(words: list[str]) -> list[tuple[str, ...]]:
    found = []
    while words:
        end = int(words[0]) + 1
        found.append(tuple(words[1:end]))
        words = words[end:]
    return found
