"""Secrets come, wait, are installed and frozen; who could read which is never forgotten."""

from __future__ import annotations

import pickle
import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from rempart.vault import (
    Content,
    Generation,
    Recipient,
    VaultError,
    new_generation,
    with_installed,
    with_pending,
    with_repository,
    with_secret,
    without_frozen,
)
from rempart.vault.content import REVEAL, Entry, stamped
from rempart.vault.envelope import Header, unpack
from rempart.vault.seal import opened, sealed

from .cabinet import GARNIER, LEROY, NOW, OFFLINE, PAPER, days, public

BOTH = tuple(
    Recipient(name=name, kind="technician", key=public(name)) for name in ("n.garnier", "t.leroy")
)
PLACE = ("ws-1", "local")
LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
TEXTS = st.text(max_size=80)
WHENS = st.integers(0, 5000).map(days)
GENERATIONS = st.builds(
    Generation,
    state=st.just("current"),
    made_at=WHENS,
    password=TEXTS.map(SecretStr),
    private_key=TEXTS.map(SecretStr),
    public_key=TEXTS,
    repository=st.none() | TEXTS,
)


def states(content: Content) -> list[str]:
    return [each.state for each in content.entry(*PLACE).generations]


def one() -> Content:
    return with_secret(Content(), *PLACE, new_generation(NOW))


@given(st.dictionaries(st.tuples(LABELS, LABELS), GENERATIONS, max_size=6), st.integers(1, 2**52))
def test_a_content_comes_back_as_it_was(
    secrets: dict[tuple[str, str], Generation], counter: int
) -> None:
    content = Content()
    for (host, target), generation in secrets.items():
        content = with_secret(content, host, target, generation)
    content = stamped(content, (*BOTH, OFFLINE), NOW)
    header = Header(
        id="0" * 32, practice="durand", counter=counter, saved_at=NOW, recipients=(*BOTH, OFFLINE)
    )
    envelope = unpack(sealed(header, content, LEROY))
    for identity in (LEROY, GARNIER, PAPER):
        assert opened(envelope, [identity]).entries == content.entries
    assert envelope.header == header


STEPS = st.lists(st.sampled_from(["pending", "installed", "repository", "delete"]), max_size=12)


@given(STEPS)
def test_exactly_one_generation_is_current_and_no_password_is_lost(steps: list[str]) -> None:
    content = one()
    made = {content.entry(*PLACE).newest.public_key}
    for number, step in enumerate(steps):
        frozen = content.entry(*PLACE).in_state("frozen")
        if step == "pending":
            content = with_pending(content, *PLACE, new_generation(days(number)))
            made.add(content.entry(*PLACE).newest.public_key)
        elif step == "installed" and content.entry(*PLACE).newest.state == "pending":
            content = with_installed(content, *PLACE)
        elif step == "repository" and not content.entry(*PLACE).newest.repository:
            content = with_repository(content, *PLACE, f"{number:064x}")
        elif step == "delete" and frozen:
            content = without_frozen(content, *PLACE, frozen[-1].public_key)
            made.discard(frozen[-1].public_key)
        assert states(content).count("current") == 1
        assert "pending" not in states(content)[1:]
        assert {each.public_key for each in content.entry(*PLACE).generations} == made


def test_new_secrets_wait_and_the_old_ones_stay_until_installed() -> None:
    first = one()
    waiting = with_pending(first, *PLACE, new_generation(days(1)))
    assert states(waiting) == ["pending", "current"]
    assert waiting.entry(*PLACE).in_state("current") == first.entry(*PLACE).generations
    assert states(with_installed(waiting, *PLACE)) == ["current", "frozen"]
    # One that waited may be on the host by now, with backups in its repository.
    assert states(with_pending(waiting, *PLACE, new_generation(days(2)))) == [
        "pending",
        "frozen",
        "current",
    ]


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (lambda c: with_secret(c, *PLACE, new_generation(NOW)), "has a secret for it"),
        (lambda c: with_installed(c, *PLACE), "nothing is pending"),
        (lambda c: with_pending(c, "ws-2", "local", new_generation(NOW)), "no secret for it"),
        (lambda c: without_frozen(c, *PLACE, c.entry(*PLACE).newest.public_key), "no frozen"),
        (
            lambda c: with_repository(with_repository(c, *PLACE, "a" * 64), *PLACE, "b" * 64),
            "is repository aaa",
        ),
    ],
)
def test_steps_that_make_no_sense_are_refused(step: object, why: str) -> None:
    with pytest.raises(VaultError, match=f"ws-.: local: .*{why}"):
        step(one())  # type: ignore[operator]


def test_an_entry_without_a_current_generation_is_none() -> None:
    frozen = new_generation(NOW).in_state("frozen")
    with pytest.raises(ValidationError):
        Entry(host="ws-1", target="local", generations=(frozen,))


def test_who_could_read_is_kept_when_they_no_longer_can() -> None:
    content = stamped(one(), BOTH, NOW)
    content = stamped(content, BOTH, days(1))  # changes nothing
    content = stamped(content, BOTH[:1], days(2))
    content = stamped(content, BOTH, days(3))
    readers = content.entry(*PLACE).newest.readers
    assert [(r.name, r.since, r.until) for r in readers] == [
        ("n.garnier", NOW, None),
        ("t.leroy", NOW, days(2)),
        ("t.leroy", days(3), None),
    ]


def test_who_comes_later_reads_since_then_and_new_secrets_know_no_leaver() -> None:
    content = stamped(one(), BOTH, NOW)
    content = stamped(with_pending(content, *PLACE, new_generation(days(1))), BOTH[:1], days(1))
    entry = content.entry(*PLACE)
    assert not entry.newest.was_read_by("t.leroy")
    assert entry.in_state("current")[0].was_read_by("t.leroy")
    assert entry.in_state("current")[0].was_read_by(BOTH[1].id)


def test_secrets_are_made_of_256_random_bits() -> None:
    made = [new_generation(NOW) for _ in range(50)]
    passwords = {each.password.get_secret_value() for each in made}
    assert len(passwords) == len({each.public_key for each in made}) == 50
    assert all(len(bytes.fromhex(each)) == 32 for each in passwords)
    assert made[0].private_key.get_secret_value().startswith("-----BEGIN OPENSSH PRIVATE KEY")


def test_nothing_that_is_printed_holds_a_secret(tmp_path: Path) -> None:
    content = one()
    generation = content.entry(*PLACE).newest
    try:
        raise VaultError(f"{content} {content!r} {generation} {vars(generation)}")
    except VaultError:
        said = traceback.format_exc()
    said += content.model_dump_json() + str(content.model_dump())
    with pytest.raises(ValidationError) as caught:
        Generation.model_validate(generation.model_dump() | {"unknown": 1})
    said += str(caught.value)
    with pytest.raises(ValidationError) as caught:
        Content.model_validate_json(content.model_dump_json(context=REVEAL).replace("ws-1", "W"))
    said += str(caught.value)
    for secret in (generation.password, generation.private_key):
        assert secret.get_secret_value() not in said
        assert secret.get_secret_value()[40:60] not in said
    assert generation.password.get_secret_value().encode() in pickle.dumps(generation)
