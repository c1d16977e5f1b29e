"""What can be wrong with a vault, by what an operator or a caller does about it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rempart.errors import RempartError


class VaultError(RempartError):
    """A vault cannot be used, or what was asked of it makes no sense."""


class DamagedError(VaultError):
    """The file is not what its last writer signed: cut, changed, or no vault at all."""


class DistrustedError(VaultError):
    """The file is whole, but not from somebody this controller takes vaults from.

    A person who has compared the signer's fingerprint may say ``rempart vault trust``.
    """


class RollbackError(DistrustedError):
    """The file is older than, or another than, what this controller has seen already."""


class IdentityError(VaultError):
    """No private key that was given opens or signs the vault."""


@contextmanager
def about(path: Path) -> Iterator[None]:
    """Put the file that it is about in front of what is said to be wrong."""
    try:
        yield
    except VaultError as error:
        raise type(error)(f"{path}: {error}") from None
