"""What the kernel makes of a setting on each interface, now and at the next boot."""

from __future__ import annotations

import json

import pytest

from rempart.verify import interfaces
from rempart.verify.machine import AnswerError

OFF = {f"net.ipv4.conf.all.{name}": ["0"] for name in ("send_redirects", "accept_redirects")}
STRICT = {"net.ipv4.conf.all.rp_filter": ["1"]}
OVER6 = {"net.ipv6.conf.all.accept_redirects": ["0"]}
SOURCE = {"net.ipv6.conf.all.accept_source_route": ["0"]}


def conf(**values: int) -> interfaces.Values:
    """Return ``net/ipv4/conf/eth0/x`` of ``eth0__x=1``; ``v6__eth0__x`` for IPv6."""
    found = {}
    for name, value in values.items():
        *family, interface, setting = name.split("__")
        found[f"net/{'ipv6' if family else 'ipv4'}/conf/{interface}/{setting}"] = value
    return found


@pytest.mark.parametrize(
    ("settings", "running", "wrong"),
    [
        (OFF, conf(all__send_redirects=0, eth0__send_redirects=1), "eth0.send_redirects 1"),
        (OFF, conf(all__send_redirects=1, eth0__send_redirects=0), "eth0.send_redirects 1"),
        (OFF, conf(all__accept_redirects=0, eth0__accept_redirects=1), "eth0.accept_redirects 1"),
        # Who forwards believes a redirect only where both say so.
        (OFF, conf(all__accept_redirects=0, eth0__accept_redirects=1, eth0__forwarding=1), ""),
        (STRICT, conf(all__rp_filter=1, eth0__rp_filter=0), ""),
        (STRICT, conf(all__rp_filter=1, eth0__rp_filter=2), "eth0.rp_filter 2"),
        (STRICT, conf(all__rp_filter=0, eth0__rp_filter=0), "eth0.rp_filter 0"),
        (STRICT, conf(all__rp_filter=1, tun0__rp_filter=2), ""),
        (OFF, conf(all__send_redirects=0, tun0__send_redirects=1), "tun0.send_redirects 1"),
        (
            OVER6,
            conf(v6__all__accept_redirects=0, v6__eth0__accept_redirects=1),
            "eth0.accept_redi",
        ),
        (OVER6, conf(v6__all__accept_redirects=1, v6__eth0__accept_redirects=0), ""),
        (SOURCE, conf(v6__all__accept_source_route=0, v6__eth0__accept_source_route=1), ""),
    ],
)
def test_all_and_the_interface_are_put_together_as_the_kernel_does(
    settings: dict[str, list[str]], running: interfaces.Values, wrong: str
) -> None:
    found = list(interfaces.wrong(settings, running, {"tun0"}))
    assert len(found) == bool(wrong)
    assert wrong in "".join(found)


@pytest.mark.parametrize(
    ("lines", "value"),
    [
        ("net.ipv4.conf.*.rp_filter = 2\n", "2"),
        ("net.ipv4.conf.*.rp_filter = 2\n-net.ipv4.conf.*.rp_filter\n", None),
        ("-net.ipv4.conf.*.rp_filter\nnet.ipv4.conf.*.rp_filter = 2\n", "2"),
        ("net.ipv4.conf.*.rp_filter = 2\nnet.ipv4.conf.m*.rp_filter=1\n", "1"),
        ("net.ipv4.conf.m/1.rp_filter = 1\nnet.ipv4.conf.*.rp_filter = 2\n", "1"),
        ("net/ipv4/conf/m.1/rp_filter = 1\n", "1"),
        ("net.ipv4.conf.*.rp_filter = 2\n-net.ipv4.conf.m/1.rp_filter\n", None),
        ("# net.ipv4.conf.*.rp_filter = 2\n", None),
    ],
)
def test_boot_is_read_as_systemd_sysctl_reads_it(lines: str, value: str | None) -> None:
    assert interfaces.Boot(lines).value("net/ipv4/conf/m.1/rp_filter") == value


def test_interface_that_no_line_is_about_has_the_kernel_s_own_value() -> None:
    running = conf(eth0__rp_filter=1, eth0__send_redirects=0, eth0__accept_redirects=0)
    every = "".join(f"{name} = {right}\n" for name, (right,) in (OFF | STRICT).items())
    found = list(interfaces.wrong_at_boot(OFF | STRICT, every, running, set()))
    assert found == [
        "net.ipv4.conf.eth0.send_redirects 1 (not 0)",
        "net.ipv4.conf.eth0.accept_redirects 1 (not 0)",
    ]
    rubbish = every + "net.ipv4.conf.eth0.rp_filter = \u00b2\n"
    assert "rp_filter is no number" in str(
        list(interfaces.wrong_at_boot(STRICT, rubbish, running, set()))
    )


def test_interfaces_of_others_are_known_by_what_they_are() -> None:
    links = [
        {"ifname": "eth0", "link_type": "ether"},
        {"ifname": "lo", "link_type": "loopback"},
        {"ifname": "wg0", "link_type": "none", "linkinfo": {"info_kind": "wireguard"}},
        {"ifname": "tap0", "link_type": "ether", "linkinfo": {"info_kind": "tun"}},
        {"ifname": "ppp0", "link_type": "ppp"},
        {"ifname": "virbr0", "link_type": "ether", "linkinfo": {"info_kind": "bridge"}},
        {"ifname": "br-0123456789ab", "link_type": "ether", "linkinfo": {"info_kind": "bridge"}},
        {"ifname": "veth1", "link_type": "ether", "master": "virbr0"},
        {"ifname": "br0", "link_type": "ether", "linkinfo": {"info_kind": "bridge"}},
        {"ifname": "eth1", "link_type": "ether", "master": "br0"},
        {"ifname": "docker0", "link_type": "ether", "linkinfo": {"info_kind": "veth"}},
    ]
    assert interfaces.owned(json.dumps(links)) == {
        *("wg0", "tap0", "ppp0", "virbr0", "br-0123456789ab", "veth1")
    }


@pytest.mark.parametrize("answer", ["", "{", "[1]", '[{"ifname": "x"}]', '[{"link_type": "x"}]'])
def test_links_that_are_none_are_refused(answer: str) -> None:
    with pytest.raises(AnswerError):
        interfaces.owned(answer)


@pytest.mark.parametrize("answer", ["", "net/x\n", "net/x:" + "9" * 5000, "x:1\ny:z"])
def test_values_that_are_none_are_refused(answer: str) -> None:
    with pytest.raises(AnswerError):
        interfaces.values(answer)
