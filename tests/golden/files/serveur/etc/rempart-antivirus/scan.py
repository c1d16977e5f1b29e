"""Runs on hosts as root: give files to ClamAV's daemon, put away what it finds.

    scan.py [--full-days DAYS] NAME FOLDER…

Promise: what is put away is the file that was scanned. Folders and files are held open, never
named by a path that somebody could change meanwhile, and no link is followed. A file that was not
scanned is never counted as clean: the run says so, and fails if the scanner did not answer.

Whoever owns the files may change them all the time, and who has taken over the scanner may call any
file infected: so all that is read, kept and put away has a limit.

Exit codes: 1 when the scanner is down, 2 when something infected is still where it was.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import secrets
import socket
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO

SCANNER = "/run/clamav/clamd.ctl"
STATE = "/var/lib/rempart-antivirus"
QUARANTINE = f"{STATE}/quarantine"

LOADING_S = 420
"""What a slow machine needs to load all signatures; the socket takes us in before."""
ANSWER_S = 300
DEEPEST = 100
"""Folders within folders; one descriptor each."""
LARGEST = 25 * 1024**2
"""Bytes: Debian's StreamMaxLength, clamd.conf(5)."""
MOST_ENTRIES = 200_000
"""In one folder; their names are held in memory."""
MOST_KEPT = 500
"""Files in the quarantine: beyond, somebody must look, for no practice has as many by itself."""
RESERVE = 512 * 1024**2
"""Bytes that the quarantine leaves free on its disk."""
NAMED = 20
"""Files of a kind that a run names; more are counted."""
CHUNK = 128 * 1024
COARSE_S = 2
"""A file's times may lag behind the clock."""
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK
# Without O_NONBLOCK a pipe that takes a file's place would hold us up.
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY

ERR, WARNING, INFO = "<3>", "<4>", "<6>"
"""Priorities as systemd takes them from a line, sd-daemon(3)."""


class ScannerDownError(Exception):
    """The scanner does not answer."""


@dataclass
class Some:
    """Files and folders that something became of, and why: the first ones by name, all counted."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, path: str, why: object) -> None:
        """Note one more."""
        self.count += 1
        if len(self.first) < NAMED:
            self.first.append(f"{path!r}: {why}")


@dataclass
class Tally:
    """What became of the files of one run."""

    scanned: int = 0
    put_away: int = 0
    stuck: Some = field(default_factory=Some)
    """Infected, and still where they were."""
    unscanned: Some = field(default_factory=Some)
    refused: int = 0
    """Of these, files that the scanner did not judge."""


def say(priority: str, text: str) -> None:
    """Print a line for the journal; names of files come as repr(), so they stay in one line."""
    print(f"{priority}{text}", flush=True)


def ask(command: bytes, file: int | None = None, timeout_s: float = ANSWER_S) -> str:
    """Return the scanner's answer to a command and a file's bytes, clamd(8).

    Raises:
        ScannerDownError: no connection, or no answer in time.
        OSError: it hung up, over this file.
    """
    with socket.socket(socket.AF_UNIX) as scanner:
        scanner.settimeout(timeout_s)
        try:
            scanner.connect(SCANNER)
        except OSError as error:
            raise ScannerDownError(str(error)) from error
        try:
            scanner.sendall(b"z%s\0" % command)
            if file is not None:
                for chunk in chunks(file):
                    scanner.sendall(len(chunk).to_bytes(4, "big") + chunk)
                scanner.sendall(bytes(4))
            answer = b"".join(iter(lambda: scanner.recv(4096), b""))
        except TimeoutError as error:
            raise ScannerDownError(str(error)) from error
    return answer.rstrip(b"\0\n").decode("utf-8", "backslashreplace")


def chunks(file: int) -> Iterator[bytes]:
    """Yield an open file's bytes from its start; OSError when it has grown too large by now."""
    os.lseek(file, 0, os.SEEK_SET)
    left = LARGEST
    while chunk := os.read(file, CHUNK):
        left -= len(chunk)
        if left < 0:
            raise OSError(0, "it grows")
        yield chunk


def walk(folder: int, path: str, tally: Tally, depth: int = 0) -> Iterator[tuple[int, str, str]]:
    """Yield (descriptor of the folder, name, path) of all regular files.

    Other filesystems count only as homes: what people have mounted there may never answer.
    """
    device = os.fstat(folder).st_dev
    try:
        with os.scandir(folder) as entries:
            few = islice(entries, MOST_ENTRIES)
            names = [(each.name, each.is_dir(follow_symlinks=False)) for each in few]
            if any(True for _ in entries):
                tally.unscanned.add(path, f"more than {MOST_ENTRIES} entries, all the others")
    except OSError as error:
        tally.unscanned.add(path, error.strerror)
        return
    for name, is_folder in names:
        inside = f"{path}/{name}"
        if not is_folder:
            yield folder, name, inside
            continue
        with held(name, FOLDER, folder, inside, tally) as below:
            if below is None:
                continue
            if depth >= DEEPEST:
                tally.unscanned.add(inside, "too deep")
            elif depth and os.fstat(below).st_dev != device:
                tally.unscanned.add(inside, "another filesystem")
            else:
                yield from walk(below, inside, tally, depth + 1)


@contextmanager
def held(
    name: str, flags: int, folder: int | None, path: str, tally: Tally
) -> Iterator[int | None]:
    """Give an open descriptor; None where that fails, which is noted unless the name is gone."""
    opened = None
    try:
        opened = os.open(name, flags, dir_fd=folder)
    except FileNotFoundError:
        pass
    except OSError as error:
        tally.unscanned.add(path, error.strerror)
    try:
        yield opened
    finally:
        if opened is not None:
            os.close(opened)


def look_at(folder: int, name: str, path: str, since: float, tally: Tally) -> None:
    """Scan a regular file that changed since then."""
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return  # it is gone
    if not stat.S_ISREG(found.st_mode) or found.st_ctime < since:
        return
    with held(name, FILE, folder, path, tally) as file:
        if file is None or not stat.S_ISREG(os.fstat(file).st_mode):
            return
        if os.fstat(file).st_size > LARGEST:
            tally.unscanned.add(path, f"larger than {LARGEST // 1024**2} MiB")
            return
        try:
            judge(folder, name, path, file, tally)
        except OSError as error:
            tally.refused += 1
            tally.unscanned.add(path, error.strerror)


def judge(folder: int, name: str, path: str, file: int, tally: Tally) -> None:
    """Ask the scanner about an open file, and act on what it says."""
    answer = ask(b"INSTREAM", file)
    if answer.endswith(" FOUND"):
        signature = answer.removeprefix("stream: ").removesuffix(" FOUND")
        try:
            kept = put_away(folder, name, path, file, signature)
        except OSError as error:
            tally.stuck.add(path, f"{signature}: {error.strerror}")
        else:
            tally.put_away += 1
            say(WARNING, f"put away {path!r}: {signature}, kept as {QUARANTINE}/{kept}")
    elif answer != "stream: OK":
        raise OSError(0, answer or "no answer")
    tally.scanned += 1


def put_away(folder: int, name: str, path: str, file: int, signature: str) -> str:
    """Move an open file into the quarantine, and return its name there.

    Its bytes are copied first: homes and quarantine may be on two filesystems, and nothing is lost
    if the power goes. Then its name goes, unless another file has taken that by now.
    """
    seen = os.fstat(file)
    kept = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{secrets.token_hex(4)}"
    store = os.open(QUARANTINE, FOLDER)
    try:
        _has_room(store)
        digest = hashlib.sha256()
        with _created(kept, store) as copy:
            for chunk in chunks(file):
                digest.update(chunk)
                copy.write(chunk)
            with _created(f"{kept}.json", store) as note:
                note.write(_described(path, signature, seen, digest.hexdigest()))
        os.fsync(store)
    finally:
        os.close(store)
    now = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if (now.st_dev, now.st_ino) != (seen.st_dev, seen.st_ino):
        raise OSError(0, "another file has its name by now")
    os.unlink(name, dir_fd=folder)
    return kept


def _has_room(store: int) -> None:
    """Raise OSError when the quarantine takes no more."""
    disk = os.fstatvfs(store)
    if disk.f_bavail * disk.f_frsize < RESERVE + LARGEST:
        raise OSError(0, "the disk of the quarantine is full")
    if len(os.listdir(store)) >= 2 * MOST_KEPT:
        raise OSError(0, f"the quarantine holds {MOST_KEPT} files; look at them first")


def _described(path: str, signature: str, seen: os.stat_result, digest: str) -> bytes:
    """Return what is needed to judge a file that was put away, and to give it back."""
    note = {
        "path": path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"),
        "signature": signature,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "owner": seen.st_uid,
        "group": seen.st_gid,
        "mode": f"{stat.S_IMODE(seen.st_mode):04o}",
        "sha256": digest,
        "other_names": seen.st_nlink - 1,
    }
    return json.dumps(note, indent=1).encode() + b"\n"


@contextmanager
def _created(name: str, folder: int) -> Iterator[IO[bytes]]:
    """Give a new file that nobody but root reads; on the disk at the end, or not there at all."""
    created = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400, dir_fd=folder)
    try:
        with os.fdopen(created, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        os.unlink(name, dir_fd=folder)
        raise


def scan(folders: list[str], since: float, tally: Tally) -> None:
    """Scan what changed since then; a folder may be missing, or be a link, which is no folder."""
    for path in folders:
        with held(path, FOLDER, None, path, tally) as folder:
            if folder is None:
                continue
            for place, name, inside in walk(folder, path, tally):
                look_at(place, name, inside, since, tally)


def last_run(name: str, now: float) -> float:
    """Return when the last whole run of that name began; 0 without one, or after the clock's."""
    try:
        at = Path(STATE, name).stat().st_mtime
    except FileNotFoundError:
        return 0
    return at if at <= now else 0


def note_run(name: str, now: float) -> None:
    """Remember that a whole run began then."""
    mark = Path(STATE, name)
    mark.touch(0o600)
    os.utime(mark, (now, now))


def report(tally: Tally, name: str, *, full: bool) -> None:
    """Say what became of all files."""
    for each in tally.stuck.first:
        say(ERR, f"infected, not put away: {each}")
    for each in tally.unscanned.first:
        say(WARNING, f"not scanned: {each}")
    kind = "all files" if full else "new files"
    say(INFO, f"{name}, {kind}: {tally.scanned} scanned, {tally.put_away} put away,"
        f" {tally.unscanned.count} not scanned")  # fmt: skip


def main() -> int:
    """Scan, say what was found; fail if the scanner is down or something infected is left."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--full-days", type=int, default=0)
    parser.add_argument("name")
    parser.add_argument("folders", nargs="+")
    wanted = parser.parse_args()
    tally, now, whole = Tally(), time.time(), f"{wanted.name}-full"
    days = wanted.full_days
    full = bool(days) and now - last_run(whole, now) > days * 86400 - 3600
    since = 0 if full else last_run(wanted.name, now)
    try:
        ask(b"PING", timeout_s=LOADING_S)
        scan(wanted.folders, since - COARSE_S, tally)
    except (ScannerDownError, ConnectionError) as error:
        say(ERR, f"{wanted.name}: not scanned: the scanner is down ({error})")
        return 1
    report(tally, wanted.name, full=full)
    if tally.refused and not tally.scanned:
        say(ERR, f"{wanted.name}: not scanned: the scanner refused every file")
        return 1
    if tally.stuck.count:
        say(ERR, f"{wanted.name}: {tally.stuck.count} infected and not put away")
        return 2  # and the next run looks at them again
    note_run(wanted.name, now)
    if full:
        note_run(whole, now)
    return 0


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
