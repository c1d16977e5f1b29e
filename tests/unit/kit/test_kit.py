"""The recovery kit's pages: everything that is on them, in both languages, and nothing alive."""

from __future__ import annotations

import dataclasses
import subprocess
from datetime import date
from pathlib import Path

import pytest
from pages import Pages

from rempart.kit import Kit, Sheet, html, pdf

PASSWORD = "Zq7_pass-word-0123456789abcdefghijklmnopq"
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\n" + "b3BlbnNzaC1rZXk" * 24 + "\n-----END-----"
SHEET = Sheet(
    host="accueil-1",
    target="cabinet",
    kind="onsite",
    operator="Fils & <script>alert(1)</script>",
    server="srv",
    address="192.0.2.10 port 22",
    folder="/srv/œuvre d'été",
    repository="ab" * 32,
    password=PASSWORD,
    key=KEY,
    at_the_disk=("cat > password <<'END'", PASSWORD, "END", "restic --repo '/srv/<b>' snapshots"),
    over_the_network=("cat > key <<'END'", *KEY.splitlines(), "END"),
)


def kit(language: str) -> Kit:
    second = dataclasses.replace(SHEET, host="srv", over_the_network=())
    return Kit("Cabinet Œdipe d'été", language, date(2026, 11, 23), ("Dr Ö. Ŵ.",), (SHEET, second))


@pytest.mark.parametrize("language", ["fr", "en"])
def test_html_has_the_commands_and_loads_nothing(language: str) -> None:
    pages = Pages(html(kit(language)))
    assert pages.commands[1:3] == ["\n".join(SHEET.at_the_disk), "\n".join(SHEET.over_the_network)]
    assert len(pages.commands) == 4
    assert "script" not in pages.elements
    assert all(source.startswith("data:image/png;base64,") for source in pages.sources)
    assert html(kit(language)).count("<img") == 3


@pytest.mark.parametrize("language", ["fr", "en"])
def test_pdf_has_the_same_and_its_codes_can_be_read(language: str, tmp_path: Path) -> None:
    file = tmp_path / "kit.pdf"
    file.write_bytes(pdf(kit(language)))
    text = subprocess.run(["pdftotext", "-raw", file, "-"], capture_output=True, text=True).stdout
    assert PASSWORD in text.replace("\n", "")
    assert "Œdipe" in text
    assert "œuvre d'été" in text
    subprocess.run(["pdftoppm", "-r", "100", "-png", file, tmp_path / "page"], check=True)
    codes = [
        subprocess.run(["zbarimg", "-q", "--raw", page], capture_output=True, text=True).stdout
        for page in sorted(tmp_path.glob("page*.png"))
    ]
    assert {code.strip() for code in codes if code} >= {PASSWORD}
    assert any(KEY in code for code in codes)
