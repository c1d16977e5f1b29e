"""sshd and sudo of each release, in its image, read back what a policy says."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from policies import POLICIES, Document, loaded
from reading import assert_keys, file_of, said, without_exceptions

from lab import image
from lab.requirements import program
from lab.session import Session
from rempart.enroll.account import script as enrolment
from rempart.hardening.ssh import DROP_IN
from rempart.policy import Host

Ask = Callable[..., str]

# Nothing can be written into the image, nor stays: the mounts are of this process alone.
INSIDE = """
mount -o bind,ro "$0" "$0"
mount -t tmpfs tmpfs "$0/run"
script=$1; shift
exec chroot "$0" /bin/sh -euc "PATH=/usr/sbin:/usr/bin; $script" sh "$@"
"""

# sshd wants the folder that its unit makes, and a host key.
SSHD = """
mkdir /run/sshd; cat > /run/text
ssh-keygen -q -t ed25519 -N "" -f /run/key
for login; do
  sshd -T -h /run/key -f /run/text -C "user=$login,host=x.example,addr=192.0.2.9"
  printf "\\0"
done
"""


@pytest.fixture(scope="module")
def ask(lab: Session) -> Ask:
    """`ask(host, script, *words, stdin=…)` returns what programs of the host's release print."""
    roots = {release: str(image.make(f"debian-{release}")) for release in ("12", "13")}

    def run(host: Host, script: str, *words: str, stdin: str) -> str:
        assert host.traits
        inside = [program("sh"), "-euc", INSIDE, roots[host.traits.release], script, *words]
        return said("unshare", "--mount", *inside, stdin=stdin)

    return run


@given(documents=POLICIES)
def test_sshd_forwards_for_the_named_logins_to_the_named_places_alone(
    ask: Ask, documents: dict[str, Document]
) -> None:
    policy = without_exceptions(documents)
    operators = {t.login for t in policy.provider.technicians} | {policy.provider.automation.user}
    logins = sorted(operators | {person.login for person in policy.people} | {"stranger"})
    for host in policy.hosts:
        behind = {h.name: h for h in policy.hosts if h.jump == host.name}.values()
        places = {_place(other) for other in behind}
        answers = ask(host, SSHD, *logins, stdin=file_of(policy, host, DROP_IN)).split("\0")
        for login, settings in zip(logins, map(_settings, answers[:-1]), strict=True):
            allowed = login in operators and behind
            assert settings["allowtcpforwarding"] == ("local" if allowed else "no")
            assert settings["allowgroups"] == "rempart-ssh"
            assert settings["passwordauthentication"] == "no"
            if allowed:
                assert set(settings["permitopen"].split(" ")) == places
            if "persourcepenalties" in settings:  # Debian 13's sshd has them
                exempt = ",".join(map(str, policy.automation_sources(host)))
                assert settings["persourcepenaltyexemptlist"] == exempt


def _place(host: Host) -> str:
    address = f"[{host.address}]" if host.address.version == 6 else str(host.address)
    return f"{address}:{host.port}"


def _settings(answer: str) -> dict[str, str]:
    return dict(line.partition(" ")[::2] for line in answer.splitlines())


@given(documents=POLICIES)
def test_sudo_trusts_the_automation_account_and_nobody_else(
    ask: Ask, documents: dict[str, Document]
) -> None:
    policy = loaded(documents)
    user = policy.provider.automation.user
    for host in policy.hosts:
        values = enrolment(policy, host).partition("# Makes the automation account")[0]
        show = 'printf \'%s\\0\' "$user" "$sudoers" "$key_line" "$access_group"'
        found = said("sh", "-eus", stdin=f"{values}{show}\n").split("\0")
        assert (found[0], found[3]) == (user, "rempart-ssh")
        judged = "cat > /run/it; visudo -c -f /run/it > /dev/null; cvtsudoers -f json /run/it"
        sudoers = json.loads(ask(host, judged, stdin=f"{found[1]}\n"))
        assert sudoers.keys() == {"Defaults", "User_Specs"}
        (spec,), (default,) = sudoers["User_Specs"], sudoers["Defaults"]
        assert spec["User_List"] == default["Binding"] == [{"username": user}]
        assert_keys(f"{found[2]}\n", [policy.provider.automation.public_key])
