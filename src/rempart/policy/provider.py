"""The IT provider: what all its practices share."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo, field_validator

from rempart.controls import Baseline
from rempart.policy.base import Model, described
from rempart.policy.key import AgeKey, KeyFile, public_key, read_public_key
from rempart.policy.mistake import wrong
from rempart.policy.person import AuthorizedKey, Named
from rempart.policy.update import Updates
from rempart.policy.value import IPNetwork, Login, Network, Text


def _narrow(network: IPNetwork) -> IPNetwork:
    shortest = 8 if isinstance(network, IPv4Network) else 16
    if network.prefixlen < shortest:
        raise wrong("is too wide for a management network", f"write /{shortest} or longer")
    return network


ManagementNetwork = Annotated[Network, AfterValidator(_narrow)]


class Technician(Named):
    """A technician of the provider, with an administrator account on every host."""

    keys: tuple[AuthorizedKey, ...] = described(
        "Public SSH keys.", [{"file": "keys/t.leroy.pub"}], min_length=1
    )
    age_keys: tuple[AgeKey, ...] = described(
        "Public age keys that open the vaults, besides the SSH keys of type ssh-ed25519.",
        ["age1…"],
        default=(),
    )


class Automation(Model):
    """The account with which rempart itself logs in: key only, from the management networks."""

    user: Login = described("The account's name.", "rempart", default="rempart")
    key: KeyFile = described(
        "Private key file on the controller, relative to this YAML file or absolute.",
        "/etc/rempart/automation",
    )
    public_key: str = described(
        "Its public half; read from the file `<key>.pub` when not written.",
        "ssh-ed25519 AAAA… rempart",
        default="",
        validate_default=True,
    )

    @field_validator("public_key", mode="plain")
    @classmethod
    def _beside_the_private_key(cls, value: object, info: ValidationInfo) -> str:
        if value != "":
            return public_key(value)
        private: Path | None = info.data.get("key")
        # Without a valid `key` there already is a mistake; a second one would say the same.
        return read_public_key(Path(f"{private}.pub")) if private else ""


class Defaults(Model):
    """What a practice has when its own file does not write that section."""

    baseline: Baseline | None = described("See the practice's `baseline`.", "minimal", default=None)
    updates: Updates | None = described(
        "See the practice's `updates`.", {"max_age_days": 7}, default=None
    )


class Provider(Model):
    """The provider's file, which the practices name in `provider`."""

    name: Text = described("The provider's name, as it appears in reports.", "Labo Informatique")
    management: tuple[ManagementNetwork, ...] = described(
        "Networks from which technicians and the controller come.", ["192.0.2.10/32"], min_length=1
    )
    automation: Automation = described(
        "rempart's own account.", {"user": "rempart", "key": "/etc/rempart/automation"}
    )
    technicians: tuple[Technician, ...] = described(
        "Technicians with an account on every host.", [{"login": "t.leroy"}], default=()
    )
    defaults: Defaults = described(
        "Sections that practices take over when they do not write their own.",
        {"baseline": "minimal"},
        default=Defaults(),
    )
