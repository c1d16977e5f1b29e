"""KEXINIT of RFC 4253, section 7.1, read from bytes that a server may have made up."""

import struct

import pytest

from rempart.verify.kexinit import parse_kexinit


def payload(*lists: str) -> bytes:
    """Return a KEXINIT with these ten name lists."""
    names = b"".join(struct.pack(">I", len(each)) + each.encode() for each in lists)
    return b"\x14" + bytes(16) + names + b"\x00" + bytes(4)


WHOLE = payload("kex-a,kex-b", "key-a", "up,both", "down,both", "mac-a", "mac-b", "", "", "", "")


def test_both_directions_count_once() -> None:
    offer = parse_kexinit(WHOLE)
    assert offer.kex == ("kex-a", "kex-b")
    assert offer.host_keys == ("key-a",)
    assert offer.ciphers == ("up", "both", "down")
    assert offer.macs == ("mac-a", "mac-b")


@pytest.mark.parametrize("end", [0, 1, 17, 20, 30, 50])
def test_cut_packet_is_refused(end: int) -> None:
    with pytest.raises(ValueError, match="KEXINIT"):
        parse_kexinit(WHOLE[:end])


def test_length_beyond_the_packet_is_refused() -> None:
    with pytest.raises(ValueError, match="cut"):
        parse_kexinit(b"\x14" + bytes(16) + b"\xff\xff\xff\xff" + b"a" * 100)
