"""What can be wrong with a vault, by what an operator or a caller does about it."""

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
