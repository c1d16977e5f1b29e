"""Reading `ss`, apt and key files, as hosts say them and as a hostile one might."""

from datetime import UTC, date, datetime

import pytest

from rempart.verify import access, apt, sockets
from rempart.verify.machine import AnswerError

SSHD = 'tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=34,fd=3))\n'


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("tcp LISTEN 0 128 [::]:3389 [::]:*", ["tcp 3389 (kernel)"]),
        ("tcp LISTEN 0 5 *:80 *:*", ["tcp 80 (kernel)"]),
        ("udp UNCONN 0 0 192.168.1.2%eth0:5353 0.0.0.0:*", ["udp 5353 (kernel)"]),
        ("tcp LISTEN 0 5 127.0.0.1:631 0.0.0.0:*", []),
        ("tcp LISTEN 0 5 [::1]:631 [::]:*", []),
        ("tcp LISTEN 0 5 [::ffff:127.0.0.1]:8080 *:*", []),
        ("udp UNCONN 0 0 127.0.0.53%lo:53 0.0.0.0:*", []),
        ("udp UNCONN 0 0 0.0.0.0:68 0.0.0.0:*", []),
    ],
)
def test_sockets_beyond_loopback_are_found(line: str, found: list[str]) -> None:
    listeners = sockets.parse(f"{SSHD}{line}\n")
    assert [str(each) for each in listeners] == ["tcp 22 (sshd, process 34)", *found]


@pytest.mark.parametrize(
    "answer", ["", "\x1b[31m\n", f"{SSHD}tcp LISTEN\n", "tcp LISTEN 0 1 x:y *:*"]
)
def test_answer_that_lists_no_sockets_is_refused(answer: str) -> None:
    with pytest.raises(AnswerError):
        sockets.parse(answer)


def test_values_of_a_list_are_kept_in_order() -> None:
    dump = 'APT::Architecture "amd64";\nX "";\nX::Y:: "a";\nX::Y:: "b";\n'
    assert apt.parse_dump(dump)["x::y"] == ["a", "b"]
    with pytest.raises(AnswerError):
        apt.parse_dump("APT::Periodic::Unattended-Upgrade yes\n")


@pytest.mark.parametrize(
    ("pattern", "is_security"),
    [
        ("origin=Debian,codename=${distro_codename}-security,label=Debian-Security", True),
        ("o=Debian,a=stable,l=Debian-Security", True),
        ("origin=Debian,codename=${distro_codename},label=Debian", False),
        ("origin=*", False),
        ("label=Debian-Security", False),
        ("Debian:stable", False),
    ],
)
def test_only_debian_security_counts_as_such(pattern: str, is_security: bool) -> None:
    assert apt.is_debian_security(pattern) is is_security


def test_pending_security_updates_are_told_from_others() -> None:
    answer = (
        "Inst libssl3 [3.0.1] (3.0.2 Debian:12.5/oldstable, Debian-Security:12/oldstable [amd64])\n"
        "Inst tzdata [1] (2 Debian:12.5/oldstable [all])\n"
        "Inst new-dep (7 Debian-Security:12/oldstable-security [amd64])\n"
        "2 upgraded, 1 newly installed, 0 to remove and 0 not upgraded.\n"
    )
    assert apt.pending_security(answer) == ["libssl3 3.0.2", "new-dep 7"]
    with pytest.raises(AnswerError):
        apt.pending_security("E: dpkg was interrupted\n")


def test_last_time_that_nothing_was_left_is_read_from_the_log() -> None:
    line = "2026-11-{} 06:12:01,268 INFO No packages found that can be upgraded unattended and\n"
    assert apt.last_clean(line.format("02") + line.format("03")) == datetime(
        2026, 11, 3, 6, 12, 1, tzinfo=UTC
    )
    assert apt.last_clean("2026-11-04 06:12:01,1 INFO All upgrades installed\n") is None


def test_list_without_an_end_is_refused() -> None:
    release = "Date: Sat, 21 Nov 2026 00:53:02 UTC\nValid-Until: Sat, 28 Nov 2026 00:53:02 UTC\n"
    assert apt.valid_until(release) == datetime(2026, 11, 28, 0, 53, 2, tzinfo=UTC)
    for answer in ("", "Valid-Until: soon\n"):
        with pytest.raises(AnswerError):
            apt.valid_until(answer)


WANTED = {"AAAAC3first": None, "AAAAC3second": date(2026, 12, 31)}


@pytest.mark.parametrize(
    "line",
    [
        "# a comment",
        "",
        "ssh-ed25519 AAAAC3first m.durand",
        'from="10.0.0.1",restrict ssh-ed25519 AAAAC3first',
        'expiry-time="20270101" ssh-ed25519 AAAAC3second',
        'expiry-time="20261101" ssh-ed25519 AAAAC3second',
    ],
)
def test_line_that_the_policy_names_is_no_finding(line: str) -> None:
    assert access.foreign_lines(line, WANTED) == []


@pytest.mark.parametrize(
    "line",
    [
        "ssh-ed25519 AAAAC3other",
        "ssh-ed25519 AAAAC3second",
        'expiry-time="20270102" ssh-ed25519 AAAAC3second',
        "cert-authority,restrict ssh-ed25519 AAAAC3first",
        'command="echo ssh-ed25519 AAAAC3first" ssh-ed25519 AAAAC3other',
        "AAAAC3first",
        "\x1b[2J",
    ],
)
def test_any_other_line_is_a_finding(line: str) -> None:
    assert access.foreign_lines(line, WANTED) == [line]
