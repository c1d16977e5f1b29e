"""Runs on hosts as root: compare files with their seals, and name what nothing explains.

Promise: seals are renewed only when every difference is explained, or when an operator accepted
what an earlier run named. Explained is content that Debian's checksums or rempart's manifest give;
never a changed mode or owner. Who is root here can write all of these, and this file: seals
show what is not aimed at them.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

CONFIG = "/etc/aide/aide.conf"
STATE = Path("/var/lib/rempart-seals")
SEALS, NEW = STATE / "aide.db", STATE / "aide.db.new"
FINDINGS, ACCEPTED = STATE / "findings", STATE / "accept"
MANIFEST = Path("/var/lib/rempart/manifest.json")
DPKG = Path("/var/lib/dpkg")

OWN_LINES = ("_SYSTEMD_UNIT=rempart-seals.service", "_UID=0")
"""Fields that journald sets: nobody else's line counts."""
BEYOND_CONTENT = set("pugAXC")
"""Mode, owner, group, ACL, attributes, capabilities, as aide.conf(5) abbreviates them."""
ERR, INFO = "<3>", "<6>"
"""Priorities as systemd takes them from a line, sd-daemon(3)."""


def ran(*command: str, most: int = 0) -> str:
    """Return what a command prints; CalledProcessError if it exits with more than ``most``."""
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode > most:
        raise subprocess.CalledProcessError(done.returncode, command[0])
    return done.stdout.decode("utf-8", "surrogateescape")


def dpkg_is_busy() -> bool:
    """Tell whether somebody installs; asked without taking the lock, so no apt is kept out."""
    with (DPKG / "lock-frontend").open() as file:
        lock = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        (kind, *_) = struct.unpack("hhqqi", fcntl.fcntl(file, fcntl.F_GETLK, lock))
    return bool(kind != fcntl.F_UNLCK)


def sums() -> dict[str, str]:
    """Return the MD5 that Debian's packages, and ucf(1) for them, give to files."""
    texts = [path.read_text("utf-8", "surrogateescape") for path in DPKG.glob("info/*.md5sums")]
    hashes = Path("/var/lib/ucf/hashfile")
    texts += [hashes.read_text("utf-8", "surrogateescape")] if hashes.exists() else []
    pairs = [line.partition("  ")[::2] for line in "\n".join(texts).split("\n")]
    for line in ran("dpkg-query", "-W", "-f", "${Conffiles}\n").split("\n"):
        pairs.append(line.strip().removesuffix(" obsolete").rpartition(" ")[::-2])
    return {merged(path): md5 for md5, path in pairs}


def merged(path: str) -> str:
    """Return where a package's file really is: /bin and the like are links into /usr."""
    return re.sub(r"^/(s?bin|lib\w*)/", r"/usr/\1/", f"/{path.lstrip('/')}")


def claimed() -> dict[str, str]:
    """Return the SHA-256 that rempart's manifest gives to files; a host that was left has none."""
    if not MANIFEST.exists():
        return {}
    objects = json.loads(MANIFEST.read_text())["objects"]
    files = (item for item in objects.items() if item[0].startswith("file:"))
    return {key.removeprefix("file:"): entry["digest"] for key, entry in files}


def is_explained(path: str, how: str, known: dict[str, str], ours: dict[str, str]) -> bool:
    """Tell whether a difference, in aide's signs, is a package's or rempart's doing."""
    if how[1:].startswith("-"):
        return path not in known and path not in ours
    if how.startswith("!") or ("+" not in how and BEYOND_CONTENT & set(how[1:])):
        return False
    real = Path(path).resolve() if how.startswith("l") else Path(path)
    if real.is_dir():
        return True
    if not real.is_file():
        return False
    name = str(real)
    return known.get(name) == digest(real, "md5") or ours.get(name) == digest(real, "sha256")


def digest(path: Path, algorithm: str) -> str:
    """Return a file's digest in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def compare() -> Iterator[str]:
    """Yield what nothing explains, and lay the new seals beside the old ones."""
    NEW.unlink(missing_ok=True)
    if not SEALS.exists():
        ran("aide", f"--config={CONFIG}", "--init")
        changed = ran("debsums", "--changed", most=2).splitlines()
        yield from (f"not as its package brought it: {path!r}" for path in changed)
        return
    report = json.loads(ran("aide", f"--config={CONFIG}", "--update", most=7))
    known, ours, count = sums(), claimed(), 0
    for verb in ("added", "removed", "changed"):
        for path, how in report.get(verb, {}).items():
            count += 1
            if not is_explained(path, how, known, ours):
                yield f"{verb}: {path!r} ({how.strip()})"
    print(f"{INFO}{count} differences", flush=True)


def compared() -> list[str]:
    """Return what nothing explains, at a moment when nothing was being installed."""
    while True:
        while dpkg_is_busy():
            time.sleep(5)
        before = (DPKG / "status").stat().st_mtime_ns
        found = sorted(compare())
        if (DPKG / "status").stat().st_mtime_ns == before and not dpkg_is_busy():
            return found


def vouched() -> bool:
    """Tell whether the seals are those of the journal's last line about them; or there is none."""
    last = ("-q", "-r", "-n", "1", "-o", "cat", "-g", "^seals: ")
    said = ran("journalctl", *last, *OWN_LINES, most=1)
    return said.strip() == (noted() if SEALS.exists() else "")


def noted() -> str:
    """Return the line about the seals that goes into the journal."""
    return f"seals: sha256 {digest(SEALS, 'sha256')}"


def main() -> int:
    """Compare, say what was found, renew the seals; an exit code of 0 says that it was looked."""
    swapped = [] if vouched() else ["the seals are not those that the journal knows"]
    found = [*swapped, *compared()]
    named = set(FINDINGS.read_text().splitlines()) if FINDINGS.exists() else set()
    if ACCEPTED.exists():
        ACCEPTED.unlink()
        found = [] if named.issuperset(found) else found
    for each in found:
        print(f"{ERR}{each}", flush=True)
    if not found:
        NEW.replace(SEALS)
    if SEALS.exists() and not (found and swapped):
        print(f"{INFO}{noted()}", flush=True)
    draft = STATE / "findings.new"
    draft.write_text("".join(f"{each}\n" for each in found))
    draft.replace(FINDINGS)
    return 0


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
