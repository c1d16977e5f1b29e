"""What all models of a policy share: frozen, unknown keys forbidden, inputs kept out of errors."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Model(BaseModel):
    """A part of a policy file."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def described(description: str, example: Any, **limits: Any) -> Any:
    """Return a field with what every field of a policy has: what it means and an example."""
    return Field(description=description, examples=[example], **limits)
