"""The vault: a practice's secrets, made by rempart, for several keys, signed, counting upwards.

vault = Vault.open(policy, load_identities([], getpass), today, default_memory())
password = vault.secret("accueil-1", "cabinet").password       # shows as stars
vault.save(with_secret(vault.content, "accueil-1", "disque", new_generation(now)), now)

Promise: whoever can write the repository but is no recipient cannot read it, become a recipient,
roll it back, swap it, or have it taken without its signature. ``docs/vault.md`` has the attacks.
"""

from rempart.vault.content import (
    Content,
    Entry,
    Generation,
    with_installed,
    with_pending,
    with_repository,
    with_secret,
    without_frozen,
)
from rempart.vault.error import (
    DamagedError,
    DistrustedError,
    IdentityError,
    RollbackError,
    VaultError,
)
from rempart.vault.identity import Identity, load_identities
from rempart.vault.make import new_generation
from rempart.vault.memory import Memory, default_memory
from rempart.vault.recipient import Recipient
from rempart.vault.vault import Vault, vault_path

__all__ = [
    "Content",
    "DamagedError",
    "DistrustedError",
    "Entry",
    "Generation",
    "Identity",
    "IdentityError",
    "Memory",
    "Recipient",
    "RollbackError",
    "Vault",
    "VaultError",
    "default_memory",
    "load_identities",
    "new_generation",
    "vault_path",
    "with_installed",
    "with_pending",
    "with_repository",
    "with_secret",
    "without_frozen",
]
