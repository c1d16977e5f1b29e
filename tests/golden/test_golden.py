"""A template or policy change shows as a diff of the golden files; see `variant` to renew them."""

from __future__ import annotations

import pytest
from variant import FILES, RELEASES, rendered

from rempart.shipped import shipped


@pytest.mark.parametrize("host", RELEASES)
def test_files_are_as_the_golden_ones(host: str) -> None:
    golden = {
        f"/{file.relative_to(FILES / host)}": file.read_text()
        for file in (FILES / host).rglob("*")
        if file.is_file()
    }
    assert rendered(host) == golden


def test_every_template_is_in_a_golden_file() -> None:
    templates = shipped("templates")
    names = {f"/{t.relative_to(templates)}".removesuffix(".j2") for t in templates.rglob("*.j2")}
    written = {path for host in RELEASES for path in rendered(host)}
    assert names <= written


@pytest.mark.parametrize("host", RELEASES)
def test_files_end_with_one_line_end_and_hold_no_blanks_at_line_ends(host: str) -> None:
    for path, content in rendered(host).items():
        assert content.endswith("\n"), path
        assert not content.endswith("\n\n"), path
        assert all(line == line.rstrip() for line in content.splitlines()), path
