"""People and services that come and go in the policy, and a host that was interrupted."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import practice
import pytest
from cabinet import Cabinet

from lab import place
from lab.host import Host
from lab.requirements import program

KEYS = "/etc/ssh/authorized_keys.d"


def key_login(host: Host, login: str) -> bool:
    """Tell whether a person's key opens a session, asked with OpenSSH's client."""
    known_hosts = place.STATE / f"known_hosts-{host.spec.slug}-{login}"
    known_hosts.write_text("".join(f"{line}\n" for line in host.host_key_lines))
    options = ["-F", "none", "-o", "BatchMode=yes", "-o", f"UserKnownHostsFile={known_hosts}"]
    options += ["-o", "IdentitiesOnly=yes", "-i", str(place.KEYS / login)]
    try:
        command = [program("ssh"), *options, f"{login}@{host.address}", "true"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    finally:
        known_hosts.unlink()


@pytest.fixture
def original_policy(cabinet: Cabinet) -> Iterator[None]:
    """The practice's policy as it was, on the hosts too, when the test has ended."""
    text = cabinet.inventory.read_text()
    yield
    cabinet.inventory.write_text(text)
    practice.rempart("apply", cabinet.inventory, "--yes")


def apply(cabinet: Cabinet) -> None:
    """Apply the policy as it stands; nothing is left to do afterwards."""
    done = practice.rempart("apply", cabinet.inventory, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert practice.planned(cabinet.inventory) == {"t/a": {}, "t/b": {}}


def remove_people(policy: Any) -> None:
    policy["people"].clear()


@pytest.mark.usefixtures("original_policy")
def test_person_who_leaves_and_returns_is_locked_out_in_between(cabinet: Cabinet) -> None:
    policy = cabinet.inventory.read_text()
    assert key_login(cabinet.a, "m.durand")
    stays = subprocess.Popen(cabinet.a.entering(["su", "m.durand", "-c", "sleep 1000"]))
    practice.edit(cabinet.inventory, remove_people)
    planned = practice.planned(cabinet.inventory)
    for host in ("t/a", "t/b"):
        assert {"Give up m.durand", f"Give up {KEYS}/m.durand"} <= set(planned[host])
    apply(cabinet)
    assert not key_login(cabinet.a, "m.durand")
    assert stays.wait(10) != 0  # her session has ended
    assert cabinet.a.run(f"ls {KEYS}").stdout.split() == ["rempart", "t.leroy"]
    cabinet.inventory.write_text(policy)
    apply(cabinet)
    assert key_login(cabinet.a, "m.durand")


@pytest.mark.usefixtures("original_policy")
def test_service_that_is_dropped_is_closed(cabinet: Cabinet) -> None:
    practice.edit(cabinet.inventory, lambda policy: policy["firewall"]["services"].clear())
    planned = practice.planned(cabinet.inventory)
    assert set(planned["t/a"]) == {
        "Write /etc/rempart/firewall.nft",
        "Reload rempart-firewall.service",
    }
    removed = [line for line in planned["t/a"]["Write /etc/rempart/firewall.nft"] if "-" in line]
    assert any('tcp dport { 80 } accept comment "http"' in line for line in removed)
    apply(cabinet)
    assert "http" not in cabinet.a.run("nft list table inet rempart").stdout


@pytest.mark.usefixtures("original_policy")
def test_key_file_of_before_rempart_does_not_come_back_with_a_leaver(cabinet: Cabinet) -> None:
    """The folder is exclusive: what stood there before rempart opens nothing ever again."""
    practice.edit(cabinet.inventory, remove_people)
    apply(cabinet)
    cabinet.b.run(
        f"cp {KEYS}/t.leroy {KEYS}/m.durand; rm -f /var/lib/rempart/originals{KEYS}/m.durand*"
    )
    practice.edit(cabinet.inventory, lambda policy: policy["people"].append(_everywhere()))
    apply(cabinet)
    practice.edit(cabinet.inventory, remove_people)
    apply(cabinet)
    assert cabinet.b.run(f"ls {KEYS}").stdout.split() == ["rempart", "t.leroy"]


def _everywhere() -> dict[str, Any]:
    return {**practice.MARIE, "hosts": ["a", "b"]}


def test_reload_that_was_interrupted_is_made_up_for(cabinet: Cabinet) -> None:
    """The marker is what stays when a run ends between a file and its reload."""
    cabinet.b.run("touch /run/rempart/pending/ssh.service")
    before = cabinet.b.run("journalctl -u ssh.service -o cat | grep -c '^Reloaded'").stdout
    planned = practice.planned(cabinet.inventory)
    assert planned["t/b"] == {
        "Reload ssh.service": ["~ an earlier run was interrupted before the reload"]
    }
    apply(cabinet)
    after = cabinet.b.run("journalctl -u ssh.service -o cat | grep -c '^Reloaded'").stdout
    assert int(after) == int(before) + 1
    assert cabinet.b.run("ls /run/rempart/pending").stdout == ""
