"""What a practice's browsers are told beside the hardening."""

from __future__ import annotations

from pydantic import JsonValue

from rempart.policy.base import Model, described


class Browsers(Model):
    """Policies of the practice's own; rempart's are kept where both name the same one."""

    firefox: dict[str, JsonValue] = described(
        "Firefox policies as in its policies.json: certificates, smart card modules, a home page.",
        {"SecurityDevices": {"Add": {"CPS": "/usr/lib/libcps3_pkcs11_lux.so"}}},
        default={},
    )
