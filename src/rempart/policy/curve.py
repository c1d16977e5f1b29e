"""Whether a public key is one: on Curve25519, and not of the few points that keep nothing secret.

Nobody has the private half of such a point, and anybody can do without it: what is encrypted to a
point of small order can be read by all, and a signature of it is made without a key.
"""

from __future__ import annotations

from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


@lru_cache(maxsize=1024)
def is_edwards_point(raw: bytes) -> bool:
    """Tell whether 32 bytes are an Ed25519 public key (RFC 8032, 5.1.3) that is fit for use."""
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if y in (0, 1) or y >= P:
        return False
    squared = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    if squared and pow(squared, (P - 1) // 2, P) != 1:
        return False  # no x belongs to this y
    return _keeps_secrets((1 + y) * pow(1 - y, -1, P) % P)


def is_age_point(key: str) -> bool:
    """Tell whether an age public key, its checksum in order, is fit for use."""
    bits = "".join(f"{BECH32.index(letter):05b}" for letter in key.removeprefix("age1")[:-6])
    u = int.from_bytes(int(bits[:256], 2).to_bytes(32, "big"), "little") & (2**255 - 1)
    return u < P and _keeps_secrets(u)


def _keeps_secrets(u: int) -> bool:
    """Tell whether a shared secret with this point is one (RFC 7748, 6.1)."""
    point = X25519PublicKey.from_public_bytes(u.to_bytes(32, "little"))
    try:
        X25519PrivateKey.generate().exchange(point)
    except ValueError:
        return False
    return True
