"""``rempart vault``: a practice's backup passwords and keys, who can read them, who no longer."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from rempart.cli.common import AsJson, Inventory
from rempart.cli.vaultask import (
    Identities,
    Offline,
    Papers,
    Yes,
    ask,
    confirm,
    open_vault,
    refuse_others_than_a_terminal,
    right_now,
)
from rempart.cli.vaultview import (
    described_places,
    described_vault,
    print_json,
    show_entry,
    show_recipients,
    show_rekey,
    show_seen,
    show_vault,
)
from rempart.policy import Policy, load
from rempart.vault import Vault, default_memory, load_identities
from rempart.vault.content import Content, Place, with_missing
from rempart.vault.error import about
from rempart.vault.make import new_generation
from rempart.vault.memory import seen_of
from rempart.vault.recipient import check_recipients, keyless, technicians
from rempart.vault.rekey import Rekey, Wish, counted, rekeyed, to_do
from rempart.vault.seal import read
from rempart.vault.trust import judge_practice
from rempart.vault.vault import refuse_another, signing_identity, vault_path

vault = typer.Typer(
    name="vault",
    help="The secrets of a practice's backups: one encrypted file beside the inventory, which its"
    " technicians and at least one key on paper can read. Its versions are signed and counted.",
    epilog="A first time: rempart vault init FILE --offline safe. A technician leaves: rempart"
    " people leave LOGIN FILE --now, then rempart vault rekey FILE --remove LOGIN. Exit codes:"
    " 0 fine, 2 something is left to do (list), 1 an error. The file belongs into your repository.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Removed = Annotated[
    list[str] | None,
    typer.Option(
        "--remove",
        metavar="NAME",
        help="A login, an offline key's name, or a key (SHA256:… or age1…) whose knowledge must"
        " become worthless; may be given again.",
    ),
]
Renewed = Annotated[
    list[str] | None,
    typer.Option(
        "--host",
        metavar="HOST",
        help="A host on which somebody else was root: it gets new secrets; may be given again.",
    ),
]


@vault.command()
def init(
    inventory: Inventory,
    offline: Offline = None,
    identity: Identities = None,
    yes: Yes = False,
    json: AsJson = False,
) -> None:
    """Make a practice's vault, and the secrets in it.

    It opens for the technicians and at least one key on paper: compare the keys that it shows with
    their owners, for whoever is listed reads everything. Each host that backs something up gets a
    password and a key of its own for each target.
    """
    policy, now = load(inventory), right_now()
    memory, today = default_memory(), datetime.date.today()
    refuse_another(policy, memory)
    papers = Papers(offline or [])
    recipients = (*technicians(policy, today), *papers.recipients)
    check_recipients(recipients)
    identities = load_identities(identity or [], ask)
    signing_identity(policy, identities, recipients, now)
    if not json:
        show_recipients("The vault opens for", recipients, keyless(policy, today))
    confirm("Make it for these?", yes=yes, json=json)
    papers.show(yes=yes)
    content, places = with_missing(Content(), _places(policy), lambda: new_generation(now))
    made = Vault.new(policy, identities, recipients, content, now, memory)
    if json:
        print_json(described_vault(made, []))
        return
    what = f"with {counted(places)}" if places else "empty, for the policy has no backup"
    typer.echo(f"{vault_path(policy)}: made, {what}; keep it in your repository")


@vault.command()
def show(
    inventory: Inventory,
    host: Annotated[str, typer.Argument(help="A host's name.")],
    target: Annotated[str, typer.Argument(help="Name of a backup target.")],
    private_key: Annotated[
        bool, typer.Option("--private-key", help="Print the SSH key instead of the password.")
    ] = False,
    identity: Identities = None,
    json: AsJson = False,
) -> None:
    """Print one secret, on a terminal alone.

    That is the password of the repository that the host has at the target, or its SSH key.
    """
    refuse_others_than_a_terminal()
    policy = load(inventory)
    found = open_vault(policy, identity).secret(_own_name(policy, host), target)
    which = "private_key" if private_key else "password"
    secret = (found.private_key if private_key else found.password).get_secret_value()
    if json:
        print_json({"host": _own_name(policy, host), "target": target, which: secret})
    else:
        typer.echo(secret.rstrip("\n"))


@vault.command("list")
def list_(
    inventory: Inventory,
    host: Annotated[
        str | None, typer.Argument(help="A host: its keys, and who could read its secrets.")
    ] = None,
    identity: Identities = None,
    json: AsJson = False,
) -> None:
    """List who reads it, what it holds, what is left to do.

    No secret is printed. Exit code 2 when something is left to do.
    """
    policy, today = load(inventory), datetime.date.today()
    found = open_vault(policy, identity)
    left = to_do(found.header.recipients, found.content, _wish(policy, today))
    if json:
        print_json(described_vault(found, left))
    elif host is None:
        show_vault(found, left, keyless(policy, today))
    else:
        for entry in found.content.entries_of(_own_name(policy, host)):
            show_entry(entry)
    raise typer.Exit(2 if left else 0)


@vault.command()
def rekey(
    inventory: Inventory,
    remove: Removed = None,
    host: Renewed = None,
    offline: Offline = None,
    identity: Identities = None,
    yes: Yes = False,
    json: AsJson = False,
) -> None:
    """Encrypt it anew for whoever the policy names now.

    It shows what changes and asks. Hosts and targets that came get their first secrets.

    With --remove, everything that NAME could ever read gets new secrets, which wait until the hosts
    have them; what cannot be taken back from here is named.
    """
    policy, now = load(inventory), right_now()
    found, papers = open_vault(policy, identity), Papers(offline or [])
    hosts = [_own_name(policy, each) for each in host or []]
    wish = _wish(policy, datetime.date.today(), papers, remove or [], hosts)
    change = rekeyed(found.header.recipients, found.content, wish, lambda: new_generation(now))
    if not json:
        show_rekey(change, keyless(policy, datetime.date.today()))
    if change.is_needed:
        signing_identity(policy, found.identities, change.recipients, now)
        confirm("Save it so?", yes=yes, json=json)
        papers.show(yes=yes)
        found = found.save(change.content, now, change.recipients)
    left = to_do(found.header.recipients, found.content, wish)
    if json:
        print_json(described_vault(found, left) | _described_change(change))
        return
    for line in (*(f"not taken back: {line}" for line in change.remaining), *left):
        typer.echo(line)


@vault.command()
def trust(inventory: Inventory, yes: Yes = False, json: AsJson = False) -> None:
    """Take it as it is, after comparing the signer's key.

    Needed once on a new controller, or when somebody signs for the first time. Whoever can write
    your repository can put any file there: the comparison is what keeps theirs out.
    """
    policy, memory = load(inventory), default_memory()
    path, practice = vault_path(policy), policy.practice.name
    with about(path):
        found = read(path)
        judge_practice(found, practice)
    known = memory.recall(practice)
    if not json:
        show_seen(path, found, known, technicians(policy, datetime.date.today()))
    confirm("Did you compare the signer's fingerprint, and take this version?", yes=yes, json=json)
    memory.remember(practice, seen_of(found), anew=True)
    if json:
        print_json({"vault": str(path), "version": found.header.counter, "signer": found.signer})


def _places(policy: Policy) -> Sequence[Place]:
    return policy.backup.places if policy.backup else ()


def _wish(
    policy: Policy,
    today: datetime.date,
    papers: Papers | None = None,
    removed: Sequence[str] = (),
    renewed: Sequence[str] = (),
) -> Wish:
    offline = papers.recipients if papers else ()
    return Wish(technicians(policy, today), _places(policy), offline, removed, renewed)


def _own_name(policy: Policy, host: str) -> str:
    """Return a host's name in its practice; hosts that have left the policy are in vaults too."""
    return host.removeprefix(f"{policy.practice.name}/")


def _described_change(change: Rekey) -> dict[str, Any]:
    return {
        "changed": change.is_needed,
        "made": described_places(change.made),
        "rotated": described_places(change.rotated),
        "remaining": change.remaining,
    }
