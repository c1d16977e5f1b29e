"""`rempart enroll`: from a stock host's first password login to the automation account."""

from __future__ import annotations

import dataclasses
import getpass
import json as jsonlib
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from rempart.cli.common import AsJson, Inventory, selected
from rempart.enroll import EnrollError, Person, in_order
from rempart.enroll import enroll as enroll_host
from rempart.errors import RempartError
from rempart.policy import Host, Policy, load

FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")


def enroll(
    inventory: Inventory,
    hosts: Annotated[list[str] | None, typer.Argument(help="Its hosts; all without.")] = None,
    user: Annotated[str, typer.Option(help="Who logs in: root or a sudoer.")] = "admin",
    fingerprint: Annotated[
        list[str] | None,
        typer.Option(help="SHA256:… of the host key, HOST=SHA256:… with several hosts."),
    ] = None,
    password_file: Annotated[
        Path | None,
        typer.Option(help="File whose one line is the password; - for stdin.", allow_dash=True),
    ] = None,
    json: AsJson = False,
) -> None:
    """Make and prove the automation account on stock hosts; exit code 1 when one failed."""
    policy = load(inventory)
    chosen = in_order(policy, map(policy.host, selected(policy, hosts)))
    fingerprints = _fingerprints(policy, chosen, fingerprint or [])
    password = _read_password(password_file) if password_file else None
    outcomes = []
    for host in chosen:
        person = Person(
            user=user,
            password=lambda whose: password or _ask_password(whose),
            confirm=_confirm,
            fingerprint=fingerprints.get(host.name),
        )
        outcomes.append(_outcome(policy, host, person, quiet=json))
    if json:
        ok = all(outcome["ok"] for outcome in outcomes)
        typer.echo(jsonlib.dumps({"ok": ok, "hosts": outcomes}, ensure_ascii=False))
    if not all(outcome["ok"] for outcome in outcomes):
        raise typer.Exit(1)


def _outcome(policy: Policy, host: Host, person: Person, *, quiet: bool) -> dict[str, Any]:
    """Enrol one host, telling on the way; a failure is an outcome, for the others go on."""
    name = policy.host_id(host)

    def tell(text: str) -> None:
        if not quiet:
            typer.echo(f"{name}: {text}")

    try:
        enrolled = enroll_host(policy, host, person, tell)
    except RempartError as error:
        typer.echo(str(error), err=True)
        return {"host": name, "ok": False, "error": str(error)}
    for change in enrolled.changes:
        tell(change)
    tell("enrolled" if enrolled.changes else "was enrolled already, nothing changed")
    return {"ok": True, **dataclasses.asdict(enrolled)}


def _fingerprints(policy: Policy, hosts: Sequence[Host], given: Sequence[str]) -> dict[str, str]:
    """Return fingerprints by host from ``HOST=SHA256:…``, or ``SHA256:…`` with one host."""
    found = {}
    for text in given:
        name, _, value = text.rpartition("=") if "=SHA256:" in text else ("", "", text)
        name = name.removeprefix(f"{policy.practice.name}/")
        if not name and len(hosts) == 1:
            name = hosts[0].name
        if name not in {host.name for host in hosts} or not FINGERPRINT.fullmatch(value):
            raise EnrollError(
                f"--fingerprint: must be [HOST=]SHA256:… of a host that is enrolled now "
                f"(got {text!r}); copy it from 'ssh-keygen -lf' on the host's console"
            )
        found[name] = value
    return found


def _read_password(file: Path) -> str:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise EnrollError(
            f"--password-file: cannot be read (got {file}: {reason}); correct the path"
        ) from None
    return _one_line(text.removesuffix("\n"))


def _one_line(password: str) -> str:
    # sudo and sshd would take the part before a line break, and a shell the rest.
    if not password or not password.isprintable():
        raise EnrollError("password: must be one line that is not empty; give it again")
    return password


def _ask_password(whose: str) -> str:
    if not sys.stdin.isatty():
        raise EnrollError(
            f"{whose}: there is no terminal to ask on; give --password-file FILE or -"
        )
    return _one_line(getpass.getpass(f"Password of {whose}: "))


def _confirm(question: str) -> bool:
    if not sys.stdin.isatty():
        raise EnrollError(f"{question} There is no terminal to answer on; give --fingerprint")
    return typer.confirm(question, err=True)
