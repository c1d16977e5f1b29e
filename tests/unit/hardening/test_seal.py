"""What differs from its seal is explained by what packages and rempart give, or it is named."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from rempart.hardening import seal

ADDED, GONE = "+++++++++++++++++", "-----------------"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "program"
    path.write_text("as it came")
    return path


@pytest.fixture
def known(file: Path) -> dict[str, str]:
    """The packages' word on it."""
    return {str(file): hashlib.md5(b"as it came", usedforsecurity=False).hexdigest()}


@pytest.mark.parametrize(
    ("how", "explained"),
    [
        (f"f{ADDED}", True),
        ("f > ...     H..   ", True),
        ("f = p..     ...   ", False),
        ("f > p..     H..   ", False),
        ("f > .u.     H..   ", False),
        ("f = ...     ..C   ", False),
        ("f = ...     .A.   ", False),
        ("! > ...     H..   ", False),
        (f"f{GONE}", False),
    ],
)
def test_content_of_a_package_is_explained_and_nothing_else_of_it(
    file: Path, known: dict[str, str], how: str, explained: bool
) -> None:
    assert seal.is_explained(str(file), how, known, {}) is explained


def test_content_of_nobodys_is_not_explained(file: Path, known: dict[str, str]) -> None:
    assert not seal.is_explained(str(file), f"f{ADDED}", {}, {})
    file.write_text("otherwise")
    assert not seal.is_explained(str(file), "f > ...     H..   ", known, {})


def test_content_that_rempart_wrote_is_explained(file: Path) -> None:
    ours = {str(file): hashlib.sha256(b"as it came").hexdigest()}
    assert seal.is_explained(str(file), "f > ...     H..   ", {}, ours)
    assert not seal.is_explained(str(file), f"f{GONE}", {}, ours)


def test_what_no_package_has_any_more_may_go(tmp_path: Path) -> None:
    assert seal.is_explained(str(tmp_path / "old"), f"f{GONE}", {}, {})


def test_link_is_explained_by_what_it_leads_to(
    file: Path, known: dict[str, str], tmp_path: Path
) -> None:
    link = tmp_path / "link"
    link.symlink_to(file)
    assert seal.is_explained(str(link), f"l{ADDED}", known, {})
    file.write_text("otherwise")
    assert not seal.is_explained(str(link), "l = ...     ...   ", known, {})
    link.unlink()
    link.symlink_to(tmp_path / "nowhere")
    assert not seal.is_explained(str(link), f"l{ADDED}", known, {})


def test_pipe_is_never_explained_nor_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert not seal.is_explained(str(tmp_path / "pipe"), f"p{ADDED}", {}, {})


@pytest.mark.parametrize(
    ("packaged", "real"),
    [
        ("bin/ls", "/usr/bin/ls"),
        ("sbin/init", "/usr/sbin/init"),
        ("lib64/ld.so", "/usr/lib64/ld.so"),
        ("usr/bin/env", "/usr/bin/env"),
        ("/etc/lib/x", "/etc/lib/x"),
    ],
)
def test_packaged_path_is_where_the_file_is(packaged: str, real: str) -> None:
    assert seal.merged(packaged) == real
