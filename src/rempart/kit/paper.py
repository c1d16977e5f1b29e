"""A kit on paper: HTML that a browser prints, and the same as PDF."""

from __future__ import annotations

import io

import segno
from fpdf import FPDF, TextStyle
from jinja2 import Environment, PackageLoader, StrictUndefined

from rempart.kit.kit import Kit

MARGIN_MM = 18
ENCODING = "cp1252"
"""What the fonts that every PDF reader has can show; letters of other alphabets become `?`."""


def html(kit: Kit) -> str:
    """Return the kit as one HTML document that loads nothing from elsewhere."""
    environment = Environment(
        loader=PackageLoader("rempart.kit", "."),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    codes = {
        text: segno.make(text, error="m", micro=False).png_data_uri(scale=4)
        for sheet in kit.sheets
        for text in (sheet.password, sheet.key)
    }
    template = environment.get_template(f"kit.{kit.language}.html.j2")
    return template.render(kit=kit, codes=codes)


def pdf(kit: Kit) -> bytes:
    """Return the kit as an A4 PDF, of the same text."""
    paper = FPDF(format="A4")
    paper.core_fonts_encoding = ENCODING
    paper.set_margin(MARGIN_MM)
    paper.set_auto_page_break(True, MARGIN_MM)
    body = html(kit).partition("<body>")[2].partition("</body>")[0]
    first, *sheets = body.encode(ENCODING, errors="replace").decode(ENCODING).split("<h2>")
    for page in (first, *(f"<h2>{sheet}" for sheet in sheets)):
        paper.add_page()
        paper.set_font("helvetica", size=10)
        paper.write_html(page, tag_styles={f"h{n}": TextStyle(color=0) for n in (1, 2, 3)})
    out = io.BytesIO()
    paper.output(out)
    return out.getvalue()
