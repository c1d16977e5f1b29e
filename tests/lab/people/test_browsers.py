"""What running browsers say that they are told, as their users, in their own sandboxes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import practice
import pytest

from lab.host import Host
from lab.session import Session

DRIVERS = Path(__file__).parent / "browsers"
FILES = {
    "firefox": "/etc/firefox/policies/policies.json",
    "chromium": "/etc/chromium/policies/managed/rempart.json",
}
CONTROLS = ("--control", "PW-3", "--control", "AV-2", "--control", "UP-4")
OWN = {
    "firefox": {
        "Homepage": {"URL": "https://intranet.example/"},
        # What a practice asks for by mistake.
        "OfferToSaveLogins": True,
        "Preferences": {"signon.rememberSignons": {"Value": True, "Status": "locked"}},
    }
}


@dataclass
class Desks:
    """`t/firefox` is a Debian 12 desk, `t/chromium` a Debian 13 host, both hardened."""

    hosts: dict[str, Host]
    inventory: Path
    before: dict[str, Any]
    """What Firefox said before, where its user had it open such files by itself."""

    def red(self, name: str) -> set[str]:
        """Return the controls that verify finds red."""
        done = practice.rempart("verify", self.inventory, "--json", "--host", name, *CONTROLS)
        (records,) = json.loads(done.stdout)["hosts"].values()
        red = {each["control"] for each in records if each["result"] in ("fail", "error")}
        assert done.returncode == (1 if red else 0)
        return red


def ask(host: Host, browser: str, *arguments: str) -> Any:
    """Return what a browser says to its driver."""
    driver = (DRIVERS / f"{browser}.py").read_text()
    # In English, so that Downloads is the name of that folder.
    run = f"timeout 120 runuser -l user -c 'LC_ALL=C.UTF-8 python3 - {' '.join(arguments)}'"
    return json.loads(host.run(run, input=driver).stdout)


@pytest.fixture(scope="module")
def desks(lab: Session, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desks]:
    with ExitStack() as stack:
        firefox, chromium = lab.fresh_host("debian-12-desktop"), lab.fresh_host("debian-13-ready")
        hosts = {"firefox": firefox, "chromium": chromium}
        for host in hosts.values():
            stack.callback(host.remove)
            host.run("useradd -m -s /bin/sh user")
        install = "apt-get install -qq -y --no-install-recommends chromium chromium-sandbox"
        chromium.run(f"{install} > /dev/null")
        before = ask(firefox, "firefox", "tick")
        folder = tmp_path_factory.mktemp("desks")
        kept = [{"login": "user", "reason": "the desk's own"}]
        inventory = practice.enrolled(folder, hosts, accounts={"unknown": "report", "kept": kept})
        practice.edit(inventory, lambda data: data.update(browsers=OWN))
        applied = practice.rempart("apply", inventory, "--yes")
        assert applied.returncode == 0, applied.stdout + applied.stderr
        yield Desks(hosts, inventory, before)


def test_firefox_obeys(desks: Desks) -> None:
    said = ask(desks.hosts["firefox"], "firefox")
    assert (desks.before["locked"], said["remembers"], said["locked"]) == (False, False, True)
    assert said["policies"]["PasswordManagerEnabled"] is False
    assert said["policies"]["Homepage"]["URL"] == "https://intranet.example/"
    assert said["sandbox"] is True


def test_firefox_opens_no_macros_by_itself_whatever_its_user_ticked(desks: Desks) -> None:
    assert (desks.before["loaded"], desks.before["opened"]) == (True, True)
    said = ask(desks.hosts["firefox"], "firefox")
    assert (said["loaded"], said["opened"]) == (True, False)


def test_chromium_obeys(desks: Desks) -> None:
    host = desks.hosts["chromium"]
    said = {name: rest for name, *rest in ask(host, "chromium")}
    assert said["PasswordManagerEnabled"] == ["false", "Mandatory", "OK"]
    written = json.loads(host.run(f"cat {FILES['chromium']}").stdout)
    assert said.keys() == written.keys()
    assert {(level, judged) for _, level, judged in said.values()} == {("Mandatory", "OK")}


def test_second_run_changes_nothing(desks: Desks) -> None:
    assert practice.rempart("plan", desks.inventory).returncode == 0


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("do", "red"),
    [
        ("rm FILE", {"PW-3", "AV-2"}),
        ("chmod 666 FILE", {"PW-3", "AV-2"}),
        ("chmod 757 $(dirname FILE)", {"PW-3", "AV-2"}),
        ("sed -i '/PasswordManagerEnabled/s/false/true/' FILE", {"PW-3"}),
    ],
)
def test_policy_that_is_gone_or_changed_is_red_and_comes_back(
    desks: Desks, name: str, do: str, red: set[str]
) -> None:
    assert desks.red(name) == set()
    desks.hosts[name].run(do.replace("FILE", FILES[name]))
    assert desks.red(name) == red
    again = practice.rempart("apply", desks.inventory, "--yes", "--host", name)
    assert again.returncode == 0, again.stderr
    assert desks.red(name) == set()


def test_another_file_that_contradicts_is_red(desks: Desks) -> None:
    host = desks.hosts["chromium"]
    evil = "/etc/chromium/policies/managed/evil"  # whatever its name
    text = '{"PasswordManagerEnabled": true, "ComponentUpdatesEnabled": false}'
    host.run(f"echo '{text}' > {evil}")
    red = desks.red("chromium")
    host.run(f"rm {evil}")
    assert red == {"PW-3", "UP-4"}


def test_old_browser_is_red(desks: Desks) -> None:
    host, log = desks.hosts["chromium"], "/usr/share/doc/chromium/changelog.Debian.gz"
    old = "chromium (1) x; urgency=low\\n\\n -- A <a@b>  Mon, 01 Jun 2026 10:00:00 +0200\\n"
    host.run(f"mv {log} /root/log && printf '{old}' | gzip > {log}")
    red = desks.red("chromium")
    host.run(f"mv /root/log {log}")
    assert red == {"UP-4"}


def test_release_takes_the_policies_away(desks: Desks) -> None:
    released = practice.rempart("release", desks.inventory, *desks.hosts, "--yes")
    assert released.returncode == 0, released.stdout + released.stderr
    assert ask(desks.hosts["firefox"], "firefox")["policies"] == {}
    assert ask(desks.hosts["chromium"], "chromium") == []
