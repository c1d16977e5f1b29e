"""``rempart controls``: what is enforced and proven, why, and where it comes from."""

from __future__ import annotations

import dataclasses
import json as jsonlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rempart.cli import anssi as guide
from rempart.cli.common import AsJson
from rempart.controls import CONTROLS, Control
from rempart.controls.anssi import Recommendation, recommendations
from rempart.errors import RempartError
from rempart.policy.explain import closest
from rempart.verify.checks import checks

Ids = Annotated[list[str] | None, typer.Argument(help="Only these, at length: PW-1 …")]
EntryT = TypeVar("EntryT", Control, Recommendation)

Language = Annotated[Literal["en", "fr"], typer.Option(help="Language of the titles.")]


def controls(
    ids: Ids = None,
    language: Language = "en",
    markdown: Annotated[
        bool, typer.Option("--markdown", help="As the pages docs/controls.md, docs/anssi-bp028.md.")
    ] = False,
    anssi: Annotated[
        bool, typer.Option("--anssi", help="The recommendations of ANSSI-BP-028 instead; ids: R1 …")
    ] = False,
    json: AsJson = False,
) -> None:
    """List all controls: why, after which guide, what enforces them and what proves them."""
    if anssi:
        _print_anssi(ids, language, markdown, json)
        return
    wanted = [_picked(word, CONTROLS) for word in ids or CONTROLS]
    if json:
        data = [dataclasses.asdict(each) | {"checks": checks().get(each.id, [])} for each in wanted]
        typer.echo(jsonlib.dumps(data, ensure_ascii=False))
    elif markdown:
        typer.echo(as_markdown(wanted))
    elif ids:
        typer.echo("\n\n".join(_at_length(each, language) for each in wanted))
    else:
        Console().print(_table(wanted, language))


def _print_anssi(ids: Ids, language: str, markdown: bool, json: bool) -> None:
    known = recommendations()
    wanted = [_picked(word, known, "recommendation") for word in ids or known]
    if json:
        typer.echo(jsonlib.dumps(guide.as_data(wanted), ensure_ascii=False))
    elif markdown:
        typer.echo(guide.as_markdown(wanted))
    else:
        Console().print(guide.as_table(wanted, language))


def _picked(word: str, known: Mapping[str, EntryT], what: str = "control") -> EntryT:
    if word.upper() not in known:
        hint = closest(word.upper(), known)
        raise RempartError(f"controls: there is no such {what} (got {word!r}); {hint}")
    return known[word.upper()]


def _table(wanted: Sequence[Control], language: str) -> Table:
    made = Table("", "baseline", "control", "enforced by", "checks", box=None, pad_edge=False)
    for each in wanted:
        enforced = ", ".join(each.enforced_by) or "not yet"
        count = str(len(checks().get(each.id, [])))
        title = each.titre if language == "fr" else each.title
        style = "" if each.is_built else "dim"
        made.add_row(each.id, each.baseline, Text(title), Text(enforced), count, style=style)
    return made


def _at_length(control: Control, language: str) -> str:
    title = control.titre if language == "fr" else control.title
    proven = [f"{name + ':':13}{value}" for name, value in _facts(control)]
    proven += [f"{'proven by:':13}{check}" for check in checks().get(control.id, [])]
    return "\n".join([f"{control.id}  {title}", "", control.why, "", *proven])


def _facts(control: Control) -> list[tuple[str, str]]:
    return [
        ("baseline", control.baseline),
        ("after", ", ".join(control.sources) or "good practice"),
        ("enforced by", ", ".join(control.enforced_by) or "nothing yet"),
    ]


def as_markdown(wanted: Sequence[Control]) -> str:
    """Return `docs/controls.md`."""
    parts = [
        "# Controls",
        "Written by `rempart controls --markdown`; the catalogue is `src/rempart/controls/`.",
        "`R…` are recommendations of ANSSI-BP-028 v2, `hygiène …` measures of ANSSI's *Guide"
        " d'hygiène informatique*,\n`TPE/PME question …` those of its *La cybersécurité pour les"
        " TPE/PME en treize questions*.",
    ]
    return "\n\n".join([*parts, *map(_section, wanted)])


def _section(control: Control) -> str:
    facts = "\n".join(f"- {name}: {value}" for name, value in _facts(control))
    proven = "".join(f"\n- proven by: {check}" for check in checks().get(control.id, []))
    head = f"## {control.id}: {control.title}\n\n*{control.titre}*\n\n{control.why}"
    return f"{head}\n\n{facts}{proven}"
