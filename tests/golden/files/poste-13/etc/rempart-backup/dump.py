"""Dump this host's databases, each as one consistent file, before they are backed up (BK-6).

Runs on the host as root, with its own Python. Copies of a running database's files restore to
rubbish, so each is asked for a dump: PostgreSQL and MariaDB by their own programs, as the account
that may; SQLite by its online backup, as the file's owner, for root would leave files beside it
that the owner could not open. A dump that fails leaves the last good one, and is named.
"""

import json
import os
import shutil
import subprocess
import sys
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

WANTED = Path("/etc/rempart-backup/databases.json")
FOLDER = Path("/var/lib/rempart-dump")
RESULT = FOLDER / "result.json"
Dump = Iterator[tuple[str, Callable[[Path], None]]]
"""Names of files, and what writes each."""

SQLITE = """
import sqlite3, sys, urllib.parse
where = f"file:{urllib.parse.quote(sys.argv[1])}?mode=rw"
source = sqlite3.connect(where, uri=True, timeout=60)
target = sqlite3.connect(sys.argv[2])
source.backup(target)
(said,) = target.execute("pragma quick_check").fetchone()
sys.exit(0 if said == "ok" else said)
"""
"""The online backup, run as the file's owner, who cannot read this file."""

PG_DATABASES = "select datname from pg_database where datallowconn and not datistemplate"


class DumpError(Exception):
    """One database gave no dump; the text says why."""


def main() -> int:
    """Dump everything, say what failed, and drop the dumps of what is no longer there."""
    os.umask(0o077)
    RESULT.unlink(missing_ok=True)  # who is killed has dumped nothing
    failed: list[str] = []
    present: set[Path] = set()
    for wanted in json.loads(WANTED.read_text()):
        kind = wanted["kind"]
        name = f"{kind} {wanted['path'] or ''}".strip()
        try:
            for file, write in KINDS[kind](wanted["path"]):
                present.add(FOLDER / file)
                failed += _kept(FOLDER / file, write)
        except (DumpError, OSError, ValueError, subprocess.SubprocessError) as error:
            failed.append(f"{name}: {error}")
    if not failed:
        _forget(present)
    RESULT.with_suffix(".new").write_text(json.dumps({"failed": failed}))
    RESULT.with_suffix(".new").replace(RESULT)
    for each in failed:
        sys.stderr.write(f"{each}\n")
    return 1 if failed else 0


def _kept(path: Path, write: Callable[[Path], None]) -> list[str]:
    """Write a dump and put it in the last one's place; return why not."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    try:
        write(new)
        new.replace(path)
    except (DumpError, OSError) as error:
        new.unlink(missing_ok=True)
        return [f"{path.relative_to(FOLDER)}: {error}"]
    return []


def _forget(present: set[Path]) -> None:
    for path in FOLDER.glob("*/**/*"):
        if path.is_file() and path not in present:
            path.unlink()


def _postgresql(_: str | None) -> Dump:
    """Yield each cluster's roles, and each of its databases in PostgreSQL's own format."""
    for line in _said("pg_lsclusters", "-h").splitlines():
        version, cluster, _port, state, owner = line.split()[:5]
        if "online" not in state:
            raise DumpError(f"cluster {version}/{cluster} is {state}")
        at = ("--cluster", f"{version}/{cluster}")
        folder = f"postgresql/{version}-{cluster}"
        yield f"{folder}/roles.sql", _writer(owner, "pg_dumpall", *at, "--roles-only")
        for name in _said_as(owner, "psql", *at, "-XAtc", PG_DATABASES).splitlines():
            # Not compressed: restic does that, and keeps what stayed the same once.
            how = (*at, "--format=custom", "--compress=0", "--dbname", _pg_name(name))
            yield f"{folder}/{_file(name)}.dump", _writer(owner, "pg_dump", *how)


def _pg_name(name: str) -> str:
    """Return a connection string that is this name alone, libpq's "Connection Strings"."""
    quoted = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"dbname='{quoted}'"


def _mariadb(_: str | None) -> Dump:
    """Yield the accounts and each database as SQL."""
    options = ("--single-transaction", "--routines", "--events", "--triggers", "--hex-blob")
    dump = ("mariadb-dump", *options)
    names = _said("mariadb", "--batch", "--raw", "--skip-column-names", "-e", "show databases")
    yield "mariadb/mysql.sql", _writer("root", *dump, "--flush-privileges", "--databases", "mysql")
    for name in names.splitlines():
        if name not in ("information_schema", "performance_schema", "mysql", "sys"):
            yield f"mariadb/{_file(name)}.sql", _writer("root", *dump, "--databases", "--", name)


def _sqlite(path: str | None) -> Dump:
    """Yield one file's copy, made by SQLite itself while others write to it."""
    assert path
    yield f"sqlite/{_file(path)}", lambda new: _copy_sqlite(Path(path), new)


def _copy_sqlite(path: Path, new: Path) -> None:
    owner = path.stat()
    scratch = FOLDER / f".scratch-{owner.st_uid}"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(mode=0o700)
    os.chown(scratch, owner.st_uid, owner.st_gid)
    copy = scratch / "copy"
    try:
        command = (sys.executable, "-I", "-X", "utf8", "-c", SQLITE, str(path), str(copy))
        _run(command, user=owner.st_uid, group=owner.st_gid, extra_groups=[])
        # Its owner could have put a link there meanwhile.
        handle = os.open(copy, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(handle, "rb") as source, new.open("wb") as target:
            shutil.copyfileobj(source, target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _hook(path: str | None) -> Dump:
    """Yield what a program of the practice's prints; it is root's alone, or is not run."""
    assert path
    for each in (Path(path), *Path(path).parents):
        about = each.stat()
        if about.st_uid != 0 or about.st_mode & 0o022:
            raise DumpError(f"others than root can change {each}; it was not run")
    yield f"hook/{_file(path)}", _writer("root", path)


KINDS: dict[str, Callable[[str | None], Dump]] = {
    "postgresql": _postgresql,
    "mariadb": _mariadb,
    "sqlite": _sqlite,
    "hook": _hook,
}


def _writer(user: str, *command: str) -> Callable[[Path], None]:
    """Return what writes a command's output, run as that account, into a file."""

    def write(new: Path) -> None:
        with new.open("wb") as output:
            _run(_as(user, command), stdout=output)
            os.fsync(output.fileno())

    return write


def _said_as(user: str, *command: str) -> str:
    return _said(*_as(user, command))


def _as(user: str, command: tuple[str, ...]) -> tuple[str, ...]:
    return command if user == "root" else ("runuser", "-u", user, "--", *command)


def _said(*command: str) -> str:
    return str(_run(command, stdout=subprocess.PIPE).decode(errors="replace"))


def _run(command: tuple[str, ...], **options: Any) -> bytes:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd="/", **options
        )
    except FileNotFoundError:
        raise DumpError(f"{command[0]} is not installed") from None
    if done.returncode:
        said = done.stderr.decode(errors="backslashreplace").split()
        raise DumpError(f"exit {done.returncode}: {' '.join(said)[-300:] or 'no word'}")
    output: bytes = done.stdout or b""
    return output


def _file(name: str) -> str:
    """Return a file name for any name."""
    return urllib.parse.quote(name, safe="")


if __name__ == "__main__":
    sys.exit(main())
