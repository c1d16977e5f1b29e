"""Values that reach shells, sshd and nftables are what they say, or refused."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic_core import PydanticCustomError

from rempart.hardening.accounts import SSH_GROUP
from rempart.policy import value


@pytest.mark.parametrize(
    ("reader", "written", "normal"),
    [
        (value.address, "192.168.1.10", "192.168.1.10"),
        (value.address, "FD00:0::10", "fd00::10"),
        (value.network, "10.0.0.0/8", "10.0.0.0/8"),
        (value.network, "10.0.0.7", "10.0.0.7/32"),
        (value.network, "2001:db8::/32", "2001:db8::/32"),
        (value.duration, "1y6m", "1y6m"),
        (value.duration, "48h", "48h"),
        (value.clock, "00:00", "00:00"),
        (value.absolute_path, "/srv/dossiers à garder", "/srv/dossiers à garder"),
        (value.login, "labo-martin", "labo-martin"),
        (value.date, "2028-02-29", "2028-02-29"),
        (value.word, "fr_FR.UTF-8", "fr_FR.UTF-8"),
    ],
)
def test_a_right_value_is_taken(
    reader: Callable[[object], object], written: str, normal: str
) -> None:
    assert str(reader(written)) == normal


@pytest.mark.parametrize(
    ("reader", "written"),
    [
        (value.address, "::ffff:192.168.1.10"),
        (value.address, "fe80::1%eth0"),
        (value.address, "10.0.0.1/32"),
        (value.address, "224.0.0.1"),
        (value.network, "10.0.0.0/255.0.0.0"),
        (value.network, "10.0.0.1/8"),
        (value.duration, ""),
        (value.duration, "1d1y"),
        (value.duration, "30"),
        (value.clock, "24:00"),
        (value.clock, "3:00"),
        (value.absolute_path, "srv"),
        (value.absolute_path, "/srv/../etc"),
        (value.absolute_path, "/srv/"),
        (value.absolute_path, "//srv"),
        (value.absolute_path, "/srv\n/etc"),
        (value.login, "-oProxyCommand"),
        (value.login, "m.durand\n"),
        (value.login, "a" * 33),
        (value.login, "_apt"),
        (value.label, "a.b"),
        (value.label, "a-"),
        (value.date, "2027-02-29"),
        (value.word, "$(reboot)"),
        (value.email, "a@b.example\n"),
        (value.phone, "1"),
        (value.country, "fr"),
        (value.text, "\u202etxet"),
    ],
)
def test_a_wrong_value_is_refused(reader: Callable[[object], object], written: str) -> None:
    with pytest.raises(PydanticCustomError):
        reader(written)


@pytest.mark.parametrize("kind", ["passwd", "group"])
def test_name_that_debian_has_already_is_no_login(kind: str) -> None:
    """A group of that name would make useradd fail, in the middle of an apply."""
    lines = Path(f"/usr/share/base-passwd/{kind}.master").read_text().splitlines()
    for name in [SSH_GROUP, *(line.split(":")[0] for line in lines)]:
        with pytest.raises(PydanticCustomError):
            value.login(name)
