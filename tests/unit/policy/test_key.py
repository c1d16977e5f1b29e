"""A key is public, whole, strong and bare; a private one is never repeated."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from rempart.policy.key import KeyInFile, PublicKey, age_key, fingerprint, public_key

from .conftest import DENTIST

PUBLIC_KEY: TypeAdapter[str] = TypeAdapter(PublicKey)
KEY_IN_FILE: TypeAdapter[str] = TypeAdapter(KeyInFile)
BLOB = DENTIST.split()[1]


def _public(key: object) -> str:
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()  # type: ignore[attr-defined]


def _refusal(key: str) -> str:
    with pytest.raises(ValidationError) as caught:
        PUBLIC_KEY.validate_python(key)
    return caught.value.errors()[0]["msg"]


@pytest.mark.parametrize(
    "key",
    [
        _public(ed25519.Ed25519PrivateKey.generate()),
        _public(ec.generate_private_key(ec.SECP256R1())),
        _public(ec.generate_private_key(ec.SECP521R1())),
        _public(rsa.generate_private_key(65537, 3072)),
    ],
    ids=["ed25519", "nistp256", "nistp521", "rsa 3072"],
)
def test_a_modern_key_is_taken_with_its_comment(key: str) -> None:
    assert public_key(f"{key} Marie, cabinet 2\n") == f"{key} Marie, cabinet 2"


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("", "is no public key"),
        ("ssh-ed25519", "is no ssh-ed25519 key"),
        (f"ssh-ed25519 {BLOB[:-4]}", "is no ssh-ed25519 key"),
        (f"ssh-ed25519 {BLOB[:-1]}!", "is no ssh-ed25519 key"),
        (f"ssh-ed25519 {BLOB}AAAA", "is no ssh-ed25519 key"),
        (f"ssh-rsa {BLOB}", "is no ssh-rsa key"),
        (f'from="10.0.0.1" ssh-ed25519 {BLOB}', "has options in front of the key"),
        (f"ssh-ed25519 {BLOB} a\nssh-ed25519 {BLOB} b", "must be one line of printable characters"),
        (f"ssh-ed25519 {BLOB} \x1b[31m", "must be one line of printable characters"),
        (f"ssh-ed25519-cert-v01@openssh.com {BLOB}", "is no public key"),
    ],
)
def test_what_is_no_bare_public_key_is_refused(key: str, why: str) -> None:
    assert _refusal(key) == why


def test_weak_keys_are_refused_with_the_reason() -> None:
    weak = _public(rsa.generate_private_key(65537, 2048))
    assert _refusal(weak) == "is an RSA key of 2048 bits, under 3072"
    assert _refusal("ssh-dss AAAAB3NzaC1kc3MAAACB") == "is a DSA key, which sshd refuses"


def test_a_private_key_is_refused_and_never_repeated(tmp_path: Path) -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    file = tmp_path / "key"
    file.write_text(pem)
    for adapter, given in ((PUBLIC_KEY, pem), (KEY_IN_FILE, str(file))):
        with pytest.raises(ValidationError) as caught:
            adapter.validate_python(given)
        error = caught.value.errors()[0]
        assert error["msg"] == "is a private key"
        assert error["ctx"]["show"] is False


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (f"{DENTIST} a\n{DENTIST} b\n".encode(), "holds more than one line"),
        (b"\xff\xfe", "is no public key file"),
        (b"", "is no public key"),
    ],
)
def test_a_file_holds_one_public_key(tmp_path: Path, content: bytes, why: str) -> None:
    file = tmp_path / "key.pub"
    file.write_bytes(content)
    with pytest.raises(ValidationError) as caught:
        KEY_IN_FILE.validate_python(str(file))
    assert caught.value.errors()[0]["msg"] == why


def test_a_fingerprint_is_the_one_of_ssh_keygen() -> None:
    # `ssh-keygen -lf` of this key, OpenSSH 9.2.
    assert fingerprint(DENTIST) == "SHA256:KMmqcVomdaCwWDXOaVz7E1BpGeNCmI2l6EE+aNzk1P0"


@pytest.mark.parametrize(
    "point",
    [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0200000000000000000000000000000000000000000000000000000000000000",
    ],
    ids=["zero", "one", "minus one", "order 8", "order 8 too", "one once more", "not on the curve"],
)
def test_a_point_that_protects_nothing_is_no_key(point: str) -> None:
    """Anybody signs for, and reads what is encrypted to, a point of small order."""
    key = ed25519.Ed25519PublicKey.from_public_bytes(bytes.fromhex(point))
    line = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    assert _refusal(line) == "is no ssh-ed25519 key that protects anything"


def test_a_signature_of_a_point_of_small_order_is_made_without_a_key() -> None:
    """Why such keys are refused: this is one, of whatever one likes."""
    point = bytes([1]) + bytes(31)
    key = ed25519.Ed25519PublicKey.from_public_bytes(point)
    key.verify(point + bytes(32), b"whatever one likes")


@pytest.mark.parametrize(
    "key",
    [
        "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z",
        "age1qyqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqj7vrya",
        "age1ahlllllllllllllllllllllllllllllllllllllllllllllllalsn46ayy",
        "age1mzp09jf70mtfrupqql9t8m8tr7n7v3t3m3g2p7t05f3a05cvdqxsnhswp4",
        "",
        7,
    ],
    ids=["zero", "one", "the prime", "checksum", "empty", "a number"],
)
def test_an_age_key_that_protects_nothing_is_none(key: object) -> None:
    with pytest.raises(PydanticCustomError, match="is no age public key"):
        age_key(key)
