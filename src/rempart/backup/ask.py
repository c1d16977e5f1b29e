"""Asking hosts and servers about backups: one command each, as root, side by side."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from rempart.engine.run import Run, as_root
from rempart.engine.transport import TransportError

Lines = list[tuple[str, ...]]
"""What a host answered, line by line, split at tabs; its words are hostile data."""


def ask(run: Run, script: str, timeout_s: int | None = None) -> Lines:
    """Run sh as root on a host; TransportError with its last words when it fails."""
    command = as_root(script, "backup", timeout_s=timeout_s)
    ok, output = run.host.run_shell_command(command, **command.connector_arguments)
    if not ok:
        said = output.stderr_lines[-1] if output.stderr_lines else "no word"
        raise TransportError(said[:300])
    return [tuple(line.split("\t")) for line in output.stdout_lines]


def document(encoded: str) -> dict[str, Any]:
    """Return the JSON object that a host sent in base64; TransportError when it is none."""
    try:
        found = json.loads(base64.b64decode(encoded, validate=True))
    except (ValueError, binascii.Error, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise TransportError("its answer makes no sense; see there with rempart plan") from None
    return found
