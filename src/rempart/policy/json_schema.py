"""JSON Schema of what people write, for editors that complete and check YAML while typing."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import NullableSchema, WithDefaultSchema

from rempart.policy.model import Policy
from rempart.policy.provider import Provider

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _WithoutNull(GenerateJsonSchema):
    """What may be left out may not be written as empty: `load` refuses that."""

    def nullable_schema(self, schema: NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        if schema.get("default", "") is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


def schema(*, provider: bool = False) -> dict[str, Any]:
    """Return the JSON Schema of a practice's file, or of a provider's."""
    model = Provider if provider else Policy
    title = "rempart provider" if provider else "rempart practice"
    written = model.model_json_schema(by_alias=True, schema_generator=_WithoutNull)
    return {"$schema": DIALECT, **written, "title": title}
