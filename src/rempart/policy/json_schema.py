"""JSON Schema of what people write, for editors that complete and check YAML while typing."""

from __future__ import annotations

from typing import Any

from rempart.policy.model import Policy
from rempart.policy.provider import Provider

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema(*, provider: bool = False) -> dict[str, Any]:
    """Return the JSON Schema of a practice's file, or of a provider's."""
    model = Provider if provider else Policy
    title = "rempart provider" if provider else "rempart practice"
    return {"$schema": DIALECT, **model.model_json_schema(by_alias=True), "title": title}
