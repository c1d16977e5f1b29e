"""What somebody tries who can write the repository but is no recipient, and what comes of it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pyrage
import pytest

from rempart.vault import (
    DamagedError,
    DistrustedError,
    IdentityError,
    Recipient,
    RollbackError,
    Vault,
    VaultError,
    new_generation,
    with_secret,
)
from rempart.vault.content import Content, stamped
from rempart.vault.envelope import Header, signed_part, unpack
from rempart.vault.recipient import technicians
from rempart.vault.rekey import rekeyed
from rempart.vault.seal import sealed
from rempart.vault.signature import sign

from .cabinet import (
    GARNIER,
    LEROY,
    MALLORY,
    NOW,
    OFFLINE,
    PAPER,
    TODAY,
    Cabinet,
    cabinet,
    days,
    private,
    public,
    technician,
)

AS_LEROY = technician("t.leroy")
AS_GARNIER = technician("n.garnier")
AS_MALLORY = technician("mallory")


def filled(practice: Cabinet) -> Vault:
    made = practice.make()
    return made.save(with_secret(made.content, "ws-1", "local", new_generation(NOW)), NOW)


def forged(practice: Cabinet, counter: int = 3, **header: object) -> bytes:
    """Return a vault as the attacker would make it: whole, for himself too, signed by himself."""
    known = unpack(practice.file.read_bytes()).header
    mine = Recipient(name="mallory", kind="technician", key=public("mallory"))
    news = {"counter": counter, "recipients": (*known.recipients, mine), **header}
    made = known.model_copy(update=news)
    content = with_secret(Content(), "ws-1", "local", new_generation(NOW))
    return sealed(made, stamped(content, made.recipients, NOW), MALLORY)


def test_every_changed_byte_is_refused(durand: Cabinet) -> None:
    filled(durand)
    raw = durand.file.read_bytes()
    for place in range(len(raw)):
        for bit in (0x01, 0x04, 0x20, 0x80):
            flipped = raw[:place] + bytes([raw[place] ^ bit]) + raw[place + 1 :]
            with pytest.raises(VaultError):
                unpack(flipped)


@pytest.mark.parametrize("end", [b"", b"\n", b" ", b"x", b"\0"])
def test_cut_or_lengthened_files_are_refused(durand: Cabinet, end: bytes) -> None:
    filled(durand)
    raw = durand.file.read_bytes()
    changed = [raw[:place] + end for place in range(0, len(raw), 7)]
    changed += [end + raw, raw + end] if end else []
    changed += [raw.replace(b"\n", b"\r\n")]
    for each in set(changed) - {raw}:
        with pytest.raises(VaultError):
            unpack(each)


def test_a_stripped_signature_is_refused(durand: Cabinet) -> None:
    filled(durand)
    raw = durand.file.read_bytes()
    durand.file.write_bytes(raw[: raw.index(b"-----BEGIN SSH")])
    with pytest.raises(DamagedError, match=r"durand\.vault: is no vault, or not a whole one"):
        durand.open()


def test_a_recipient_added_to_the_header_is_refused(durand: Cabinet) -> None:
    filled(durand)
    text = durand.file.read_text()
    mine = json.dumps({"key": public("mallory"), "kind": "technician", "name": "mallory"})
    durand.file.write_text(text.replace('"recipients":[', f'"recipients":[{mine},'))
    with pytest.raises(DamagedError, match="the signature is not one of these bytes"):
        durand.open()


def test_a_signature_of_somebody_outside_the_policy_is_refused(durand: Cabinet) -> None:
    filled(durand)
    durand.file.write_bytes(forged(durand))
    with pytest.raises(DistrustedError, match="no key of a technician who is present"):
        durand.open()


def test_writing_oneself_into_the_policy_makes_no_signature_count(durand: Cabinet) -> None:
    filled(durand)
    durand.write(AS_LEROY, AS_GARNIER, AS_MALLORY)
    durand.file.write_bytes(forged(durand))
    with pytest.raises(DistrustedError, match=r"by mallory .*did not sign .*version 2.*compare"):
        durand.open()


def test_a_second_key_under_an_honest_name_makes_no_signature_count(durand: Cabinet) -> None:
    filled(durand)
    both = f"{AS_LEROY}      - key: {public('mallory')} t.leroy\n"
    durand.write(both, AS_GARNIER)
    durand.file.write_bytes(forged(durand))
    with pytest.raises(DistrustedError, match=r"by t.leroy \(SHA256:.*compare"):
        durand.open()


def test_a_controller_that_knows_nothing_takes_nothing_by_itself(durand: Cabinet) -> None:
    filled(durand)
    durand.write(AS_LEROY, AS_GARNIER, AS_MALLORY)
    durand.file.write_bytes(forged(durand))
    with pytest.raises(DistrustedError, match=r"new to this controller, signed by mallory"):
        durand.elsewhere().open()


def test_ones_own_signature_is_taken_on_a_new_controller(durand: Cabinet) -> None:
    filled(durand)
    with pytest.raises(DistrustedError, match=r"new to this controller, signed by t\.leroy"):
        durand.elsewhere().open(GARNIER)
    assert durand.elsewhere().open(LEROY).header.counter == 2
    assert durand.elsewhere().open(GARNIER).header.counter == 2  # seen here by now


def test_writing_oneself_into_the_policy_makes_no_recipient(durand: Cabinet) -> None:
    """Other secrets are saved meanwhile, and only a rekey, which asks, takes recipients in."""
    filled(durand)
    durand.write(AS_LEROY, AS_GARNIER, AS_MALLORY)
    found = durand.open()
    found.save(with_secret(found.content, "ws-1", "disque", new_generation(NOW)), NOW)
    with pytest.raises(IdentityError, match="is not for the private keys at hand but for"):
        durand.open(MALLORY)
    raw = unpack(durand.file.read_bytes()).ciphertext.encode()
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(raw, [MALLORY.age])


def test_a_rekey_names_who_comes_in_before_anything_is_saved(durand: Cabinet) -> None:
    found = filled(durand)
    durand.write(AS_LEROY, AS_GARNIER, AS_MALLORY)
    present = technicians(durand.policy, TODAY)
    change = rekeyed(
        found.header.recipients, found.content, present, (), (), lambda: new_generation(NOW)
    )
    assert [str(each) for each in change.added] == [f"mallory (technician, {change.added[0].id})"]
    assert change.added[0].id.startswith("SHA256:")


def test_an_older_version_is_refused(durand: Cabinet) -> None:
    made = durand.make()
    old = durand.file.read_bytes()
    made.save(with_secret(made.content, "ws-1", "local", new_generation(NOW)), NOW)
    durand.file.write_bytes(old)
    with pytest.raises(RollbackError, match=r"got version 1, seen 2"):
        durand.open()


def test_an_older_version_is_refused_to_another_reader_of_this_controller(durand: Cabinet) -> None:
    made = durand.make()
    old = durand.file.read_bytes()
    made.save(made.content, NOW)
    durand.file.write_bytes(old)
    with pytest.raises(RollbackError):
        durand.open(GARNIER)


def test_two_versions_of_one_number_are_refused(durand: Cabinet) -> None:
    made = durand.make()
    first = durand.file.read_bytes()
    made.save(made.content, NOW)
    durand.file.write_bytes(first)
    there = durand.elsewhere()
    there.open().save(made.content, days(1))
    with pytest.raises(RollbackError, match="another version 2 than the one seen here"):
        durand.open()


def test_another_practices_vault_is_refused_though_its_signer_is_the_same(tmp_path: Path) -> None:
    durand, morel = cabinet(tmp_path), cabinet(tmp_path, "morel")
    filled(durand)
    filled(morel)
    durand.file.write_bytes(morel.file.read_bytes())
    with pytest.raises(DistrustedError, match="is the vault of morel, not of durand"):
        durand.open()


def test_another_ciphertext_under_this_header_is_refused(tmp_path: Path) -> None:
    """Even a signer cannot move what he read elsewhere: the content names its own header."""
    durand, morel = cabinet(tmp_path), cabinet(tmp_path, "morel")
    filled(durand)
    filled(morel)
    here, there = (unpack(each.file.read_bytes()) for each in (durand, morel))
    signed = signed_part(here.header.model_copy(update={"counter": 3}), there.ciphertext)
    durand.file.write_text(signed + sign(signed.encode(), private("t.leroy")))
    with pytest.raises(DamagedError, match="content that is not of this version"):
        durand.open()


def test_a_vault_made_anew_is_refused(durand: Cabinet) -> None:
    filled(durand)
    durand.file.write_bytes(forged(durand, id="0" * 32))
    with pytest.raises(DistrustedError, match="is another vault than the one known here"):
        durand.open()


def test_a_deleted_vault_is_not_made_again(durand: Cabinet) -> None:
    filled(durand)
    durand.file.unlink()
    with pytest.raises(VaultError, match="is not there"):
        durand.open()
    with pytest.raises(VaultError, match=r"is gone, and was seen here.*durand\.json"):
        durand.make()


def test_a_renamed_practice_has_nothing_of_the_old_one(durand: Cabinet) -> None:
    filled(durand)
    yaml = durand.folder / "durand.yaml"
    yaml.write_text(yaml.read_text().replace("name: durand", "name: durant"))
    with pytest.raises(DistrustedError, match="is the vault of durand, not of durant"):
        durand.open()


def test_a_damaged_memory_is_not_an_empty_one(durand: Cabinet) -> None:
    filled(durand)
    durand.memory.path("durand").write_text("{")
    with pytest.raises(VaultError, match="cannot be read"):
        durand.open()


def test_a_leavers_signature_no_longer_counts(durand: Cabinet) -> None:
    """But what he signed while he was there, and was seen here then, can be read and rekeyed."""
    filled(durand)
    durand.open(GARNIER)
    durand.write(technician("t.leroy", until="2026-03-10"), AS_GARNIER)
    seen = durand.open(GARNIER, today=days(10).date())
    later = with_secret(seen.content, "ws-1", "disque", new_generation(NOW))
    header = seen.header.model_copy(update={"counter": 3})
    durand.file.write_bytes(sealed(header, later, LEROY))
    with pytest.raises(DistrustedError, match="no key of a technician who is present"):
        durand.open(GARNIER, today=days(10).date())


def test_a_leaver_who_writes_himself_back_signs_nothing(durand: Cabinet) -> None:
    found = filled(durand)
    durand.write(AS_GARNIER)
    found = durand.open(GARNIER)
    change = rekeyed(
        found.header.recipients,
        found.content,
        technicians(durand.policy, TODAY),
        (),
        ("t.leroy",),
        lambda: new_generation(NOW),
    )
    found.save(change.content, NOW, change.recipients)
    durand.write(AS_LEROY, AS_GARNIER)
    header = found.header.model_copy(update={"counter": 4})
    durand.file.write_bytes(sealed(header, found.content, LEROY))
    with pytest.raises(DistrustedError, match=r"by t\.leroy .*did not sign"):
        durand.open(GARNIER)


def test_nothing_new_is_saved_for_who_has_left(durand: Cabinet) -> None:
    filled(durand)
    durand.open(GARNIER)
    durand.write(technician("t.leroy", until="2026-03-10"), AS_GARNIER)
    found = durand.open(GARNIER, today=days(10).date())
    with pytest.raises(VaultError, match=r"still open for t.leroy .*rekey --remove"):
        found.save(found.content, days(10))


def test_a_header_that_lies_about_its_form_is_refused(durand: Cabinet) -> None:
    """One way to write a header, or two readers could see two things in it."""
    filled(durand)
    envelope = unpack(durand.file.read_bytes())
    for old, new in (('"counter":2', '"counter": 2'), ('"counter":2', '"counter":1,"counter":2')):
        line = envelope.header.line().replace(old, new)
        signed = f"rempart vault 1\n{line}\n{envelope.ciphertext}"
        durand.file.write_text(signed + sign(signed.encode(), private("t.leroy")))
        with pytest.raises(DamagedError, match="one form"):
            durand.open()


@pytest.mark.parametrize("counter", ["0", "-1", "1.5", '"2"', "null", "9007199254740992"])
def test_a_counter_is_a_whole_number(durand: Cabinet, counter: str) -> None:
    filled(durand)
    envelope = unpack(durand.file.read_bytes())
    line = envelope.header.line().replace('"counter":2', f'"counter":{counter}')
    signed = f"rempart vault 1\n{line}\n{envelope.ciphertext}"
    durand.file.write_text(signed + sign(signed.encode(), private("t.leroy")))
    with pytest.raises(DamagedError, match="header"):
        durand.open()


def test_a_newer_format_is_told_apart(durand: Cabinet) -> None:
    filled(durand)
    durand.file.write_text(durand.file.read_text().replace("vault 1", "vault 2", 1))
    with pytest.raises(VaultError, match="newer rempart"):
        durand.open()


def test_the_paper_opens_it_without_any_technician(durand: Cabinet) -> None:
    saved = filled(durand)
    plain = pyrage.decrypt(unpack(durand.file.read_bytes()).ciphertext.encode(), [PAPER.age])
    password = saved.secret("ws-1", "local").password.get_secret_value()
    assert password.encode() in plain


def test_an_age_key_cannot_sign(durand: Cabinet) -> None:
    durand.make()
    found = durand.open()
    with pytest.raises(IdentityError, match="no private key at hand may sign"):
        dataclasses.replace(found, identities=(PAPER,)).save(found.content, NOW)


def test_a_header_is_written_in_one_way() -> None:
    header = Header(id="a" * 32, practice="durand", counter=1, saved_at=NOW, recipients=(OFFLINE,))
    assert Header.model_validate_json(header.line(), strict=True).line() == header.line()
