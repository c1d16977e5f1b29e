"""The commands of ``rempart``, and how an error becomes one line and an exit code."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from rempart import __version__
from rempart.errors import RempartError

app = typer.Typer(
    name="rempart",
    help="Harden the Linux machines of health practices, and prove it.",
    epilog="A first run: rempart check, enroll, plan, apply, verify. Each has its own --help."
    " Exit codes: 0 fine or nothing to change, 2 changes (plan), 1 error.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rempart {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Harden the Linux machines of health practices, and prove it."""


COMMANDS = {
    "check": "check",
    "schema": "check",
    "enroll": "enroll",
    "plan": "plan",
    "apply": "apply",
    "verify": "verify",
    "release": "release",
    "people": "people",
    "controls": "controls",
    "vault": "vault",
    "backup": "backup",
}
"""Each command's module in ``rempart.cli``, where it has the same name."""


def add_commands(words: Sequence[str]) -> None:
    """Add the command that is called, or all of them where the help has to list them.

    Importing what the others need would double the start-up.
    """
    called = next((word for word in words if not word.startswith("-")), "")
    for name in [called] if called in COMMANDS else COMMANDS:
        command = getattr(import_module(f"rempart.cli.{COMMANDS[name]}"), name)
        if isinstance(command, typer.Typer):
            app.add_typer(command)
        else:
            app.command()(command)


def run() -> None:
    """Run the command line; what an operator can mend is one line and exit code 1."""
    # pyinfra logs to nowhere by default; its errors come back as results instead.
    logging.getLogger("pyinfra").addHandler(logging.NullHandler())
    # As Ctrl-C: each host's part ends with its last words. nohup's choice to ignore SIGHUP stands.
    for ending in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(ending) == signal.SIG_DFL:
            signal.signal(ending, signal.default_int_handler)
    try:
        app()
    except RempartError as error:
        for line in str(error).splitlines():
            typer.echo(f"rempart: {line}", err=True)
        sys.exit(1)
