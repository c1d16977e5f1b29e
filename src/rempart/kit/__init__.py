"""The recovery kit: what a practice restores with when nobody else is left (BK-7)."""

from rempart.kit.kit import Kit, Sheet, kit_of
from rempart.kit.paper import html, pdf

__all__ = ["Kit", "Sheet", "html", "kit_of", "pdf"]
