"""What a policy becomes, and what the programs that read it make of it."""

from __future__ import annotations

import subprocess

from journey import wanted
from policies import Document, loaded

from lab.requirements import program
from rempart.policy import Host, Policy
from rempart.policy.key import fingerprint
from rempart.resources import File


def said(*command: str, stdin: str = "") -> str:
    """Return what a program of this machine prints about our text; it must take it."""
    done = subprocess.run(
        [program(command[0]), *command[1:]],
        input=stdin.encode(),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def file_of(policy: Policy, host: Host, path: str) -> str:
    """Return a file as the host would get it; '' where its control is excepted."""
    files = {r.path: r.content or "" for r in wanted(policy, host) if isinstance(r, File)}
    return files.get(path, "")


def without_exceptions(documents: dict[str, Document]) -> Policy:
    return loaded(documents).model_copy(update={"exceptions": ()})


def assert_keys(text: str, keys: list[str]) -> None:
    """Check that ssh-keygen reads these keys and comments, in any order, and no others."""
    lines = said("ssh-keygen", "-l", "-f", "/dev/stdin", stdin=text).splitlines()
    read = dict(line.removesuffix(" (ED25519)").split(" ", 2)[1:] for line in lines)
    assert len(lines) == len(keys)
    assert read.keys() == set(map(fingerprint, keys))
    for key in keys:  # in place of no comment it may show the options
        for comment in key.split(" ", 2)[2:]:
            assert read[fingerprint(key)] == comment
