"""Who leaves reads nothing later, and everything they could read becomes worthless or is named."""

from __future__ import annotations

import pytest

from rempart.vault import (
    DistrustedError,
    IdentityError,
    Recipient,
    Vault,
    VaultError,
    new_generation,
    with_installed,
    with_repository,
    with_secret,
)
from rempart.vault.envelope import unpack
from rempart.vault.memory import seen_of
from rempart.vault.recipient import check_recipients, keyless, technicians
from rempart.vault.rekey import Rekey, exposed, rekeyed, to_do
from rempart.vault.seal import opened, read

from .cabinet import (
    GARNIER,
    LEROY,
    NOW,
    OFFLINE,
    PAPER,
    TODAY,
    Cabinet,
    days,
    identity,
    public,
    technician,
)

AS_LEROY, AS_GARNIER = technician("t.leroy"), technician("n.garnier")
OTHER = Recipient(
    name="notaire",
    kind="offline",
    key="age1mzp09jf70mtfrupqql9t8m8tr7n7v3t3m3g2p7t05f3a05cvdqxsnhswp3",
)


def change(
    found: Vault,
    *removed: str,
    offline: tuple[Recipient, ...] = (),
    renewed: tuple[str, ...] = (),
    day: int = 10,
) -> Rekey:
    return rekeyed(
        found.header.recipients,
        found.content,
        technicians(found.policy, days(day).date()),
        offline,
        removed,
        lambda: new_generation(days(day)),
        renewed,
    )


def save(found: Vault, made: Rekey, day: int = 10) -> Vault:
    return found.save(made.content, days(day), made.recipients)


@pytest.fixture
def filled(durand: Cabinet) -> Vault:
    found = durand.make()
    content = with_secret(found.content, "ws-1", "local", new_generation(NOW))
    content = with_secret(content, "ws-2", "local", new_generation(NOW))
    content = with_repository(content, "ws-1", "local", "a" * 64)
    found.save(content, NOW)
    return durand.open(GARNIER)


def test_who_left_opens_old_versions_with_worthless_secrets_alone(
    durand: Cabinet, filled: Vault
) -> None:
    old = durand.file.read_bytes()  # stays in the repository's history
    durand.write(AS_GARNIER)
    found = durand.open(GARNIER)
    saved = save(found, change(found, "t.leroy"))
    with pytest.raises(IdentityError, match="is not for the private keys at hand"):
        durand.open(LEROY)
    known = {g.password for e in opened(unpack(old), [LEROY]).entries for g in e.generations}
    assert len(known) == 2
    assert not known & {entry.newest.password for entry in saved.content.entries}


def test_everything_that_a_leaver_could_read_gets_new_secrets(
    durand: Cabinet, filled: Vault
) -> None:
    durand.write(AS_GARNIER)
    found = durand.open(GARNIER)
    made = change(found, "t.leroy")
    assert made.rotated == (("ws-1", "local"), ("ws-2", "local"))
    assert [each.name for each in made.dropped] == ["t.leroy"]
    saved = save(found, made)
    for entry in saved.content.entries:
        pending, current = entry.generations
        assert (pending.state, current.state) == ("pending", "current")
        assert pending.password != current.password
        assert pending.private_key != current.private_key
        assert pending.repository is None
        assert not pending.was_read_by("t.leroy")
        assert current.was_read_by("t.leroy")


def test_what_cannot_be_taken_back_is_named(durand: Cabinet, filled: Vault) -> None:
    durand.write(AS_GARNIER)
    found = durand.open(GARNIER)
    told = "\n".join(change(found, "t.leroy").remaining)
    assert "ws-1: local: the host keeps the old secrets" in told
    assert f"ws-1: local: t.leroy can decrypt any copy of repository {'a' * 64}" in told
    assert "ws-2: local: t.leroy can decrypt any copy of the repository" in told
    assert "offline key coffre: replace it if t.leroy may have seen the paper" in told
    assert "rempart's own SSH key (automation)" in told


def test_frozen_repositories_are_named_until_they_are_deleted(
    durand: Cabinet, filled: Vault
) -> None:
    durand.write(AS_GARNIER)
    found = durand.open(GARNIER)
    saved = save(found, change(found, "t.leroy"))
    saved = saved.save(with_installed(saved.content, "ws-1", "local"), days(11))
    again = change(saved, "t.leroy")
    assert not again.is_needed
    told = "\n".join(again.remaining)
    assert f"t.leroy can decrypt any copy of repository {'a' * 64}" in told
    assert "ws-1: local: the host keeps" not in told
    assert "ws-2: local: the host keeps" in told


def test_a_second_rekey_changes_nothing(durand: Cabinet, filled: Vault) -> None:
    assert not change(filled).is_needed
    durand.write(AS_GARNIER)
    found = durand.open(GARNIER)
    saved = save(found, change(found, "t.leroy"))
    assert not change(saved).is_needed
    assert not change(saved, "t.leroy").is_needed


def test_who_reads_only_what_came_later_costs_no_rotation(durand: Cabinet, filled: Vault) -> None:
    """A technician who comes reads everything from then on, and that is known too."""
    durand.write(AS_LEROY, AS_GARNIER, technician("m.blanc"))
    found = durand.open(GARNIER)
    made = change(found)
    assert [each.name for each in made.added] == ["m.blanc"]
    assert made.rotated == ()
    saved = save(found, made)
    assert {e.newest.readers[-1].since for e in saved.content.entries} == {days(10)}
    durand.write(AS_LEROY, AS_GARNIER)
    assert len(change(durand.open(GARNIER), "m.blanc").rotated) == 2


def test_somebody_still_in_the_policy_is_not_removed(filled: Vault) -> None:
    with pytest.raises(VaultError, match=r"t\.leroy would still be a recipient"):
        change(filled, "t.leroy")


def test_a_misspelt_name_is_refused(filled: Vault) -> None:
    with pytest.raises(VaultError, match="never was a recipient"):
        change(filled, "t.leroi")


def test_a_stolen_key_is_removed_while_its_owner_stays(durand: Cabinet, filled: Vault) -> None:
    stolen = next(each for each in filled.header.recipients if each.name == "t.leroy")
    durand.write(technician("t.leroy", key=public("t.leroy new laptop")), AS_GARNIER)
    found = durand.open(GARNIER)
    made = change(found, stolen.id)
    assert len(made.rotated) == 2
    saved = save(found, made)
    assert stolen not in saved.header.recipients
    assert any(each.name == "t.leroy" for each in saved.header.recipients)


def test_a_lost_paper_is_replaced(durand: Cabinet, filled: Vault) -> None:
    with pytest.raises(VaultError, match="no offline key would be left"):
        change(filled, "coffre")
    made = change(filled, "coffre", offline=(OTHER,))
    assert len(made.rotated) == 2
    save(filled, made)
    with pytest.raises(IdentityError):
        durand.open(PAPER)


def test_the_paper_hands_a_vault_over_to_another_provider(durand: Cabinet, filled: Vault) -> None:
    """The old technicians are gone, and so are their controllers."""
    durand.write(technician("m.blanc"))
    there, blanc = durand.elsewhere(), identity("m.blanc")
    with pytest.raises(DistrustedError, match="no key of a technician who is present"):
        there.open(PAPER, blanc)
    there.memory.remember("durand", seen_of(read(durand.file)), anew=True)  # as `vault trust` does
    found = there.open(PAPER, blanc)
    saved = save(found, change(found, "t.leroy", "n.garnier"))
    assert [each.name for each in saved.header.recipients] == ["m.blanc", "coffre"]
    assert {entry.newest.state for entry in there.open(blanc).content.entries} == {"pending"}


def test_a_rekey_without_remove_says_who_still_knows_what(durand: Cabinet, filled: Vault) -> None:
    durand.write(AS_GARNIER)
    found = durand.open(GARNIER)
    present = technicians(found.policy, TODAY)
    told = to_do(found.header.recipients, found.content, present)
    assert told[0].endswith("has left and still reads it")
    assert told[1:] == ["t.leroy knows 2 secrets in use: rempart vault rekey --remove t.leroy"]
    saved = save(found, change(found))
    places = [("ws-1", "local"), ("ws-2", "local")]
    assert exposed(saved.content, saved.header.recipients) == {"t.leroy": places}
    assert to_do(saved.header.recipients, saved.content, present) == told[1:]
    done = save(saved, change(saved, "t.leroy"))
    waiting = [
        f"{host}: {target}: new secrets wait for the host: rempart backup init"
        for host, target in places
    ]
    assert to_do(done.header.recipients, done.content, present) == waiting


def test_who_has_no_fitting_key_is_named(durand: Cabinet) -> None:
    security_key = (
        "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIHSI2gdZ/fnLVhCT1"
        "9exUwrr2d46WoxFjh6gIy8DxIZ9AAAABHNzaDo="
    )
    durand.write(AS_LEROY, technician("m.blanc", key=security_key))
    assert keyless(durand.policy, TODAY) == ("m.blanc",)
    assert [each.name for each in technicians(durand.policy, TODAY)] == ["t.leroy"]
    both = f"{technician('m.blanc', key=security_key)}    age_keys: [{OTHER.key}]\n"
    durand.write(AS_LEROY, both)
    assert keyless(durand.policy, TODAY) == ()


def test_one_name_is_one_recipient() -> None:
    leroy = Recipient(name="t.leroy", kind="technician", key=public("t.leroy"))
    for other in (
        OFFLINE.model_copy(update={"name": "t.leroy"}),
        OTHER.model_copy(update={"name": "coffre"}),
        OTHER.model_copy(update={"key": OFFLINE.key}),
    ):
        with pytest.raises(VaultError):
            check_recipients([leroy, OFFLINE, other])
    check_recipients([leroy, OFFLINE, OTHER])


def test_a_host_that_was_somebody_elses_gets_new_secrets_alone(filled: Vault) -> None:
    made = change(filled, renewed=("ws-1",))
    assert made.rotated == (("ws-1", "local"),)
    states = {entry.host: entry.newest.state for entry in made.content.entries}
    assert states == {"ws-1": "pending", "ws-2": "current"}
    with pytest.raises(VaultError, match="ws-9: the vault has no secret of such a host"):
        change(filled, renewed=("ws-9",))
