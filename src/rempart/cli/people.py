"""``rempart people``: who is there, who comes, who goes, who can get into what."""

from __future__ import annotations

import datetime
import json as jsonlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic_core import PydanticCustomError, to_jsonable_python
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rempart.cli.apply import Yes, carry_out
from rempart.cli.common import AsJson, Inventory, gathered, selected
from rempart.cli.plan import observe
from rempart.cli.view import show_errors, show_plan, show_results
from rempart.engine.apply import HostResult
from rempart.engine.guard import WINDOW_S
from rempart.engine.plan import Plan
from rempart.engine.review import HostReview
from rempart.engine.review import review as review_hosts
from rempart.errors import RempartError
from rempart.policy import Policy, load
from rempart.policy.movement import join as write_joiner
from rempart.policy.movement import leave as write_leaver
from rempart.policy.movement import provider_file
from rempart.policy.person import Named
from rempart.policy.value import date

people = typer.Typer(
    name="people",
    help="Who works in a practice: list, join, leave, review. Edits the YAML files, comments kept.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Inventories = Annotated[list[Path], typer.Argument(help="Practice files (YAML).")]
Login = Annotated[str, typer.Argument(help="The person's login, such as s.petit.")]


@people.command("list")
def list_(inventories: Inventories, json: AsJson = False) -> None:
    """List the people and technicians of practices, with their days, hosts and keys."""
    today = datetime.date.today()
    rows = [row for path in inventories for row in _people(load(path), today)]
    if json:
        _print(rows)
    else:
        _show(
            rows, ("practice", "login", "name", "role", "hosts", "keys", "from", "until", "state")
        )


@people.command()
def join(
    inventory: Inventory,
    login: Login,
    name: Annotated[str, typer.Option(help="First name and name.")],
    host: Annotated[list[str], typer.Option(help="A host with an account; may be given again.")],
    role: Annotated[str, typer.Option(help="What the person does, see `rempart schema`.")],
    key: Annotated[
        list[str] | None, typer.Option(help="A .pub file or its line; may be given again.")
    ] = None,
    expires: Annotated[str | None, typer.Option(help="Last day of the keys, YYYY-MM-DD.")] = None,
    from_: Annotated[str | None, typer.Option("--from", help="First day, YYYY-MM-DD.")] = None,
    until: Annotated[str | None, typer.Option(help="Last day, YYYY-MM-DD.")] = None,
    json: AsJson = False,
) -> None:
    """Write a new person into a practice's file, and show what that changes on the hosts.

    Nothing is changed on hosts: that is `rempart apply`. Wrong values leave the file as it was.
    """
    person: dict[str, Any] = {"login": login, "name": name, "role": role, "hosts": host}
    if key:
        person["keys"] = [{"key": _key(each)} | _given(expires=expires) for each in key]
    person |= _given(**{"from": from_, "until": until})
    write_joiner(inventory, person)
    policy = load(inventory)
    made = observe(policy, selected(policy, host), quiet=json)
    if json:
        _print({"plans": [made]})
    else:
        show_plan(Console(), made.hosts)
    raise typer.Exit(1 if made.exit_code == 1 else 0)


@people.command()
def leave(
    login: Login,
    inventories: Inventories,
    on: Annotated[str | None, typer.Option(metavar="DATE", help="Last day; today.")] = None,
    now: Annotated[bool, typer.Option("--now", help="Yesterday was the last day.")] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Change the hosts too.")] = False,
    yes: Yes = False,
    json: AsJson = False,
) -> None:
    """Write a person's or technician's last day into all practices, and show what that changes.

    Until that day the account works; its end is on the hosts as soon as it is applied. After it the
    account is closed: sessions ended, keys, groups, cron and at jobs gone, the home folder root's.
    A host that could not be reached is owed: it is named, and the exit code is 1.
    """
    last_day = _last_day(on, now=now)
    policies = [policy for path in inventories if login in _logins(policy := load(path))]
    if not policies:
        raise RempartError(f"people leave: nobody has the login {login}; see rempart people list")
    for path in {_file(policy, login): None for policy in policies}:
        write_leaver(path, login, last_day)
    plans = [_plan(load(policy.path), login, quiet=json) for policy in policies]
    results: list[HostResult] = []
    if not json:
        for made in plans:
            show_plan(Console(), made.hosts)
    if apply and any(host.changes for made in plans for host in made.hosts):
        if not yes and json:
            raise RempartError("people leave: --json cannot ask; add --yes")
        if not yes:
            typer.confirm("Make these changes?", abort=True)
        for made in plans:
            results += carry_out(made, load(Path(made.inventory)), WINDOW_S, quiet=json)
    owed = [host.host for made in plans for host in made.hosts if host.error]
    owed += [result.host for result in results if result.error and result.host not in owed]
    if json:
        _print({"plans": plans, "results": results, "owed": owed})
    else:
        show_results(Console(), results, {host.error for made in plans for host in made.hosts})
        show_errors(
            Console(), [f"{host}: still owed; apply again when it is back" for host in owed]
        )
    raise typer.Exit(1 if owed else 0)


@people.command()
def review(inventories: Inventories, json: AsJson = False) -> None:
    """Show who can get into which host, since and until when, and whom only the host knows.

    Asks every host; exit code 1 when a host could not be asked or has an account that the policy
    does not name or has closed.
    """
    reviews = [each for path in inventories for each in _review(load(path), quiet=json)]
    rows = [vars(row) for each in reviews for row in each.accounts]
    if json:
        _print(reviews)
    else:
        _show(rows, ("host", "login", "name", "role", "ways", "since", "until", "wanted", "seen"))
        show_errors(Console(), [each.error and f"{each.host}: {each.error}" for each in reviews])
    wrong = [row for row in rows if row["seen"] == "open" and row["wanted"] != "open"]
    raise typer.Exit(1 if wrong or any(each.error for each in reviews) else 0)


def _people(policy: Policy, today: datetime.date) -> list[dict[str, Any]]:
    staff: list[tuple[Named, str, Sequence[str], int]] = [
        (t, "technician", ["all"], len(t.keys)) for t in policy.provider.technicians
    ]
    staff += [(p, p.role, p.hosts, len(p.keys)) for p in policy.people]
    return [
        {
            "practice": policy.practice.name,
            "login": who.login,
            "name": who.name,
            "role": role,
            "hosts": list(hosts),
            "keys": keys,
            "from": who.from_,
            "until": who.until,
            "state": _state(who, today),
        }
        for who, role, hosts, keys in staff
    ]


def _state(who: Named, today: datetime.date) -> str:
    if who.has_left(today):
        return "left"
    return "present" if who.is_present(today) else "to come"


def _given(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


def _key(text: str) -> str:
    """Return a public key's line, which may be given itself or as its file."""
    if " " in text:
        return text
    try:
        return Path(text).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise RempartError(f"people join: --key: cannot be read ({text}: {error})") from None


def _last_day(on: str | None, *, now: bool) -> datetime.date:
    today = datetime.date.today()
    if on and now:
        raise RempartError("people leave: --on and --now exclude each other; give one")
    try:
        return date(on) if on else today - datetime.timedelta(days=int(now))
    except PydanticCustomError as error:
        raise RempartError(f"people leave: --on: {error} (got {on!r})") from None


def _logins(policy: Policy) -> set[str]:
    return {who.login for who in (*policy.people, *policy.provider.technicians)}


def _file(policy: Policy, login: str) -> Path:
    """Return the file in which a login stands."""
    is_staff = any(who.login == login for who in policy.people)
    return policy.path if is_staff else provider_file(policy.path)


def _plan(policy: Policy, login: str, *, quiet: bool) -> Plan:
    """Return the plan of the hosts that somebody has an account on."""
    hosts = [host for who in policy.people if who.login == login for host in who.hosts]
    return observe(policy, selected(policy, hosts), quiet=quiet)


def _review(policy: Policy, *, quiet: bool) -> list[HostReview]:
    names, today = selected(policy, None), datetime.date.today()
    return gathered("Asking", len(names), lambda _: review_hosts(policy, names, today), quiet=quiet)


def _print(value: Any) -> None:
    document = to_jsonable_python(value)
    typer.echo(jsonlib.dumps(document, indent=2, ensure_ascii=False))


def _show(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    console = Console()
    console.width = console.width if console.is_terminal else 200
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(row[column])) for column in columns))
    console.print(table)


def _cell(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list | tuple) else str(value or "")
