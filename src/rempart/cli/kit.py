"""``rempart backup kit``: the pages with which a practice restores when nobody else is left."""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from rempart.cli.backupargs import Names, Target, places_of
from rempart.cli.common import Inventory
from rempart.cli.vault import Identities, open_vault
from rempart.errors import RempartError
from rempart.kit import html, kit_of, pdf
from rempart.policy import load

paper = typer.Typer()


@paper.command()
def kit(
    inventory: Inventory,
    hosts: Names = None,
    target: Target = None,
    out: Annotated[
        Path, typer.Option("--out", help="Folder for the kit; it is made, for you alone.")
    ] = Path("kit"),
    language: Annotated[
        Literal["fr", "en"] | None, typer.Option(help="The practice's own without.")
    ] = None,
    identity: Identities = None,
) -> None:
    """Write the recovery kit, to be printed: HTML and PDF, with passwords and keys as QR codes.

    Its commands restore with Debian's restic and ssh, without rempart and without you. Whoever has
    it reads everything: print it, put it into the practice's safe, and delete the files.
    """
    policy, today = load(inventory), datetime.date.today()
    places = places_of(policy, hosts, target, removable=True)
    vault = open_vault(policy, identity)
    found = kit_of(vault, places, language or policy.practice.language, today)
    name = f"{policy.practice.name}-{found.language}"
    try:
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
        for ending, content in (("html", html(found).encode()), ("pdf", pdf(found))):
            path = out / f"{name}.{ending}"
            path.unlink(missing_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as f:
                f.write(content)
            typer.echo(path)
    except OSError as error:
        raise RempartError(f"{out}: {error.strerror}; choose another folder") from error
    typer.echo(
        "It opens everything: print it, put it into the practice's safe, and delete the files.",
        err=True,
    )
