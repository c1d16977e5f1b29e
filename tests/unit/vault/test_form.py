"""A vault has one form: what is signed but looks otherwise is refused, and never printed."""

from __future__ import annotations

import json

import pyrage
import pytest

from rempart.vault import DamagedError, Vault, VaultError, new_generation, with_secret
from rempart.vault.content import REVEAL
from rempart.vault.envelope import Header, signed_part, unpack
from rempart.vault.signature import sign

from .cabinet import NOW, OFFLINE, Cabinet, private, public

ESCAPE = "\x1b]0;owned\x07"


def filled(practice: Cabinet) -> Vault:
    made = practice.make()
    return made.save(with_secret(made.content, "ws-1", "local", new_generation(NOW)), NOW)


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


def test_a_header_is_written_in_one_way() -> None:
    header = Header(id="a" * 32, practice="durand", counter=1, saved_at=NOW, recipients=(OFFLINE,))
    assert Header.model_validate_json(header.line(), strict=True).line() == header.line()


@pytest.mark.parametrize(
    "hostile",
    [
        {"password": ESCAPE},
        {"private_key": f"-----BEGIN OPENSSH PRIVATE KEY-----\n{ESCAPE}\n"},
        {"public_key": f"{public('t.leroy')} {ESCAPE}"},
        {"public_key": f'command="id" {public("t.leroy")}'},
        {"repository": ESCAPE},
        {"readers": [{"name": ESCAPE, "key": public("t.leroy"), "since": "2026-03-02T12:00:00Z"}]},
        {"readers": [{"name": "t.leroy", "key": ESCAPE, "since": "2026-03-02T12:00:00Z"}]},
    ],
    ids=lambda each: "-".join(each),
)
def test_no_text_of_a_vault_is_more_than_it_should_be(
    durand: Cabinet, hostile: dict[str, object]
) -> None:
    """Even a signer's own: it would reach terminals, and servers' files of keys."""
    found = filled(durand)
    data = json.loads(found.content.model_dump_json(context=REVEAL))
    data["entries"][0]["generations"][0] |= hostile
    header = found.header.model_copy(update={"counter": 3})
    data["header"] = header.digest()
    recipients = [pyrage.ssh.Recipient.from_str(public("t.leroy"))]
    ciphertext = pyrage.encrypt(json.dumps(data).encode(), recipients, armored=True).decode()
    signed = signed_part(header, ciphertext)
    durand.file.write_text(signed + sign(signed.encode(), private("t.leroy")))
    with pytest.raises(DamagedError, match="holds something that cannot be read") as caught:
        durand.open()
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"name":"coffre"', '"name":"\\u001b[31m"'),
        (OFFLINE.key, "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z"),
        (public("n.garnier"), f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA{'A' * 42}"),
        ('"kind":"offline"', '"kind":"owner"'),
        ('"counter":2', '"counter":2,"more":1'),
    ],
    ids=["escape", "weak age key", "weak SSH key", "kind", "unknown"],
)
def test_a_header_with_anything_else_in_it_is_none(durand: Cabinet, old: str, new: str) -> None:
    filled(durand)
    envelope = unpack(durand.file.read_bytes())
    line = envelope.header.line()
    assert old in line
    signed = f"rempart vault 1\n{line.replace(old, new)}\n{envelope.ciphertext}"
    durand.file.write_text(signed + sign(signed.encode(), private("t.leroy")))
    with pytest.raises(DamagedError, match="has a header that is none"):
        durand.open()
