"""restic, as this host runs it: over ssh, to one target, with the secrets that lie beside."""

import datetime
import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

CONFIG = Path("/etc/rempart-backup")
STATE = Path("/var/lib/rempart-backup")
CACHE = Path("/var/cache/rempart-backup")


def restic(
    target: str, wanted: dict[str, Any], arguments: list[str], until: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Run restic, until a moment of the monotonic clock at the latest: it retries what is lost."""
    secret = _secrets(target, wanted)
    if not (secret / "password").exists():
        why = f"this host has no secrets for {target}: rempart backup init --target {target}"
        return subprocess.CompletedProcess([], 1, "", why)
    command = ["restic", "--repo=rclone:", f"--option=rclone.program={_ssh(secret, wanted)}"]
    environment = {
        "PATH": "/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
        "RESTIC_PASSWORD_FILE": f"{secret}/password",
        "RESTIC_CACHE_DIR": str(secret / "cache" if "secrets" in wanted else CACHE / target),
        "RESTIC_PROGRESS_FPS": "0.01",
    }
    try:
        return subprocess.run(  # our own words
            [*command, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="backslashreplace",
            timeout=until and max(1.0, until - time.monotonic()),
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", "no end in time")


def plugged(target: str, wanted: dict[str, Any]) -> str:
    """Return what names this visit of a removable disk; '' when it is not there, or does not say.

    Lines of another kind are no name.
    """
    ask = [*_ssh(_secrets(target, wanted), wanted).split(), "plugged"]
    done = subprocess.run(ask, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    name = done.stdout.strip()
    return name if name.isalnum() else ""


def _secrets(target: str, wanted: dict[str, Any]) -> Path:
    return Path(wanted.get("secrets", CONFIG / target))


def _ssh(secret: Path, wanted: dict[str, Any]) -> str:
    server = wanted["server"]
    return (
        f"ssh -F /dev/null -i {secret}/key -p {server['port']} -o IdentitiesOnly=yes"
        f" -o BatchMode=yes -o UserKnownHostsFile={secret}/known_hosts"
        " -o GlobalKnownHostsFile=/dev/null -o StrictHostKeyChecking=yes -o ServerAliveInterval=30"
        f" -o ConnectTimeout=30 {server['user']}@{server['address']}"
    )


def words(done: subprocess.CompletedProcess[str]) -> str:
    """Return what restic says of its failure.

    What sshd says of a missing home is none of that, nor where in restic it was: lines in pairs.
    """
    lines = [_plain(each) for each in done.stderr.splitlines() if "home directory" not in each]
    said = re.sub(r"\n\S+\n\t\S+:\d+", "", "\n".join(lines))
    return said or "no word" if done.returncode else ""


def _plain(line: str) -> str:
    """Return what a line says; since restic 0.17 it may be JSON."""
    try:
        return str(json.loads(line)["message"])
    except (ValueError, TypeError, KeyError):
        return line


def literal(path: str) -> str:
    """Return a pattern that is this path alone, filepath.Match of Go."""
    return "".join(f"\\{each}" if each in "\\*?[" else each for each in path)


def write(path: Path, text: str) -> None:
    """Replace a file in one step."""
    new = path.with_name(f".{path.name}.new")
    new.write_text(text)
    new.replace(path)


def now() -> str:
    """Return the moment, in ISO 8601."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
