"""What a practice's browsers are told beside the hardening."""

from __future__ import annotations

import json
from typing import Annotated

from pydantic import AfterValidator, JsonValue

from rempart.policy.base import Model, described
from rempart.policy.mistake import wrong


def _writable(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Refuse numbers that JSON has not got: with one, Firefox would read no policy at all."""
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        raise wrong(
            "holds a number that JSON has not got", "leave .inf and .nan out", show=False
        ) from None
    return value


class Browsers(Model):
    """Policies of the practice's own; rempart's are kept where both name the same one."""

    firefox: Annotated[dict[str, JsonValue], AfterValidator(_writable)] = described(
        "Firefox policies as in its policies.json: certificates, smart card modules, a home page.",
        {"SecurityDevices": {"Add": {"CPS": "/usr/lib/libcps3_pkcs11_lux.so"}}},
        default={},
    )
