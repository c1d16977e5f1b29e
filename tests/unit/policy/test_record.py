"""Enrolment writes a host's traits into the file and leaves the rest as its writer left it."""

import multiprocessing
from pathlib import Path

import pytest

from rempart.policy import PolicyError, Traits, load, record_traits

from .conftest import PRACTICE

TRAITS = Traits(
    os="debian",
    release="12",
    codename="bookworm",
    arch="amd64",
    virtualisation="none",
    memory="standard",
    desktop="gnome",
    locale="fr_FR.UTF-8",
)
BLOCK = """\
    traits:
      os: "debian"
      release: "12"
      codename: "bookworm"
      arch: "amd64"
      virtualisation: "none"
      memory: "standard"
      desktop: "gnome"
      locale: "fr_FR.UTF-8"
"""


def test_traits_stand_behind_the_hosts_last_line(practice: Path) -> None:
    commented = PRACTICE.replace("    jump: srv\n", "    jump:   srv   # router\n\n  # server\n")
    practice.write_text(commented)
    assert record_traits(practice, "ws-1", TRAITS)
    expected = commented.replace("# router\n", "# router\n" + BLOCK)
    assert practice.read_text() == expected
    assert load(practice).host("ws-1").traits == TRAITS


def test_the_same_traits_leave_the_file_untouched(practice: Path) -> None:
    record_traits(practice, "srv", TRAITS)
    before = practice.stat()
    assert not record_traits(practice, "srv", TRAITS)
    after = practice.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_new_release_changes_its_own_values_alone(practice: Path) -> None:
    record_traits(practice, "ws-1", TRAITS)
    text = practice.read_text().replace('os: "debian"', "os: debian   # as ever")
    text = text.replace('release: "12"', "release: '12'   # since May")
    practice.write_text(text)
    upgraded = TRAITS.model_copy(update={"release": "13", "codename": "trixie"})
    assert record_traits(practice, "ws-1", upgraded)
    expected = text.replace("'12'", '"13"').replace('"bookworm"', '"trixie"')
    assert practice.read_text() == expected


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "    jump: srv\n",
            "    jump: srv\n    traits:\n      os: debian\n      # the rest is new\n",
        ),
        ("    jump: srv\n", "    jump: srv\n    traits: {os: debian, release: '11'}  # old\n"),
        ("  - name: srv\n", "  # next\n  - name: srv\n"),
        ("    jump: srv\n", "    jump: srv # a comment\n"),
    ],
)
def test_comments_and_unfinished_traits_are_kept(practice: Path, old: str, new: str) -> None:
    practice.write_text(PRACTICE.replace(old, new))
    assert record_traits(practice, "ws-1", TRAITS)
    assert load(practice).host("ws-1").traits == TRAITS
    comments = [line.partition("#")[2] for line in new.splitlines() if "#" in line]
    assert all(comment in practice.read_text() for comment in comments)


def test_the_end_of_a_file_without_line_end_is_found(practice: Path) -> None:
    head, _, tail = PRACTICE.partition("hosts:\n  -")
    hosts, _, rest = ("hosts:\n  -" + tail).partition("firewall:")
    practice.write_text(head + "firewall:" + rest + hosts.rstrip("\n"))
    assert record_traits(practice, "srv", TRAITS)
    assert load(practice).host("srv").traits == TRAITS


def test_windows_line_ends_stay(practice: Path) -> None:
    practice.write_bytes(PRACTICE.replace("\n", "\r\n").encode())
    record_traits(practice, "ws-1", TRAITS)
    assert practice.read_bytes().replace(b"\r\n", b"").count(b"\n") == 0
    assert load(practice).host("ws-1").traits == TRAITS


def test_a_byte_order_mark_stays(practice: Path) -> None:
    practice.write_text(PRACTICE, encoding="utf-8-sig")
    record_traits(practice, "ws-1", TRAITS)
    assert practice.read_bytes().startswith(b"\xef\xbb\xbfpractice:")
    assert load(practice).host("ws-1").traits == TRAITS


def test_the_files_mode_stays(practice: Path) -> None:
    practice.chmod(0o640)
    record_traits(practice, "ws-1", TRAITS)
    assert practice.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in practice.parent.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("name", "style", "why"),
    [
        ("ws-9", "lines", "has no host 'ws-9'"),
        ("ws-1", "flow", "is written in a form to which traits cannot be added"),
    ],
)
def test_a_host_that_cannot_be_written_is_one_line(
    practice: Path, name: str, style: str, why: str
) -> None:
    if style == "flow":
        lines = "  - name: ws-1\n    role: workstation\n    address: 192.168.1.10\n    jump: srv\n"
        flow = "  - {name: ws-1, role: workstation, address: 192.168.1.10, jump: srv}\n"
        practice.write_text(PRACTICE.replace(lines, flow))
    before = practice.read_bytes()
    with pytest.raises(PolicyError, match=why):
        record_traits(practice, name, TRAITS)
    assert practice.read_bytes() == before


def test_enrolments_at_the_same_time_lose_nothing(practice: Path) -> None:
    hosts = "".join(
        f"  - name: h{n}\n    role: workstation\n    address: 10.0.0.{n}\n" for n in range(1, 9)
    )
    practice.write_text(PRACTICE.replace("firewall:", f"{hosts}firewall:"))
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        pool.starmap(record_traits, [(practice, f"h{n}", TRAITS) for n in range(1, 9)])
    policy = load(practice)
    assert all(policy.host(f"h{n}").traits == TRAITS for n in range(1, 9))
