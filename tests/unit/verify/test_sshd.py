"""Reading `sshd -T`, and the list of modern algorithms."""

import pytest

from rempart.verify import sshd
from rempart.verify.machine import AnswerError

COMPLETE = "port 22\npasswordauthentication no\nauthorizedkeysfile /etc/ssh/authorized_keys.d/%u\n"


def test_settings_stand_by_login_and_source() -> None:
    answer = (
        f"=== user=root,host=none,addr=192.0.2.1,laddr=10.0.0.1,lport=22\n{COMPLETE}"
        f"=== user=rempart,host=none,addr=10.0.0.9,laddr=10.0.0.1,lport=22\n{COMPLETE}"
    )
    assert list(sshd.parse_effective(answer)) == ["root from 192.0.2.1", "rempart from 10.0.0.9"]


def test_keyword_on_several_lines_keeps_all_values() -> None:
    assert sshd.parse_settings(f"{COMPLETE}allowgroups a\nallowgroups b\n")["allowgroups"] == "a b"


@pytest.mark.parametrize("answer", ["", "\x1b[2J", "=== user=root,addr=1.2.3.4\nport 22\n"])
def test_answer_that_is_no_configuration_is_refused(answer: str) -> None:
    with pytest.raises(AnswerError):
        sshd.parse_effective(answer)


@pytest.mark.parametrize(
    "name",
    [
        *("diffie-hellman-group14-sha1", "diffie-hellman-group1-sha1", "ssh-rsa", "ssh-dss"),
        *("aes256-cbc", "3des-cbc", "arcfour256", "hmac-sha1", "hmac-md5", "umac-64@openssh.com"),
        *("ssh-rsa-cert-v01@openssh.com", "diffie-hellman-group14-sha256", ""),
    ],
)
def test_outdated_algorithm_is_found(name: str) -> None:
    assert sshd.outdated(["curve25519-sha256", name]) == [name]


def test_modern_algorithms_pass_certificates_too() -> None:
    names = ["ssh-ed25519-cert-v01@openssh.com", "sk-ssh-ed25519-cert-v01@openssh.com"]
    assert sshd.outdated([*names, "rsa-sha2-512", "aes256-gcm@openssh.com"]) == []


@pytest.mark.parametrize(
    ("settings", "shuts_out"),
    [
        ({}, False),
        ({"persourcepenalties": "no"}, False),
        ({"persourcepenalties": "crash:90 authfail:5"}, True),
        ({"persourcepenalties": "authfail:5", "persourcepenaltyexemptlist": "10.0.0.0/24"}, False),
        ({"persourcepenalties": "authfail:5", "persourcepenaltyexemptlist": "fd00::1/128"}, True),
    ],
)
def test_sshd_that_would_shut_us_out_is_known(settings: sshd.Settings, shuts_out: bool) -> None:
    assert sshd.shuts_out(settings, "10.0.0.1") is shuts_out


@pytest.mark.parametrize(
    ("interval", "count", "seconds"),
    [("120", "2", 240), ("0", "3", 0), ("120", "0", 0), ("no", "3", 0), ("\u00b2", "2", 0)],
)
def test_client_that_is_gone_is_let_go_after(interval: str, count: str, seconds: int) -> None:
    settings = {"clientaliveinterval": interval, "clientalivecountmax": count}
    assert sshd.gone_after_s(settings) == seconds
