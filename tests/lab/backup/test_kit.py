"""The recovery kit restores with stock restic: its own text is typed, and nothing else is there."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import practice
import pytest
from copies import PATIENTS, Cabinet
from pages import Pages

from lab import place
from lab.host import Host
from lab.session import Session

DIGESTS = "find . -type f -exec sha256sum {} + | sort"


@pytest.fixture(scope="module")
def kit(cabinet: Cabinet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kit of one host and one target, as HTML."""
    cabinet.backed_up("chair")
    out = tmp_path_factory.mktemp("kit") / "kit"
    done = cabinet.backup(
        "kit", "chair", "--out", out, "--language", "fr", "--identity", place.KEYS / "t.leroy"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert oct(out.stat().st_mode) == "0o40700"
    assert {oct(each.stat().st_mode) for each in out.iterdir()} == {"0o100600"}
    assert sorted(each.name for each in out.iterdir()) == ["t-fr.html", "t-fr.pdf"]
    return out / "t-fr.html"


@pytest.fixture(scope="module")
def wanted(cabinet: Cabinet) -> str:
    return cabinet.hosts["chair"].run(f"cd {PATIENTS} && {DIGESTS}").stdout


@pytest.fixture
def stock(lab: Session) -> Iterator[Host]:
    """A machine with Debian's restic, and nothing of rempart's."""
    host = lab.fresh_host(practice.READY)
    host.run("! ls -d /etc/rempart* /var/lib/rempart* 2> /dev/null")
    yield host
    host.remove()


def test_on_the_servers_disk(
    cabinet: Cabinet, kit: Path, wanted: str, stock: Host, tmp_path: Path
) -> None:
    """The disk is in another machine: the provider, the server and its accounts are gone."""
    with (tmp_path / "disk").open("wb") as disk:
        tar = ["tar", "-cC", "/", "srv/backup/chair"]
        subprocess.run(cabinet.server.entering(tar), stdout=disk, check=True)
    with (tmp_path / "disk").open("rb") as disk:
        subprocess.run(stock.entering(["tar", "-xC", "/"]), stdin=disk, check=True)
    _, at_the_disk, _ = Pages(kit.read_text()).commands
    said = stock.run("cd /root && /bin/sh", input=f"set -e\n{at_the_disk}\n").stdout
    assert "t/chair" in said
    assert stock.run(f"cd /restored{PATIENTS} && {DIGESTS}").stdout == wanted


def test_over_the_network(cabinet: Cabinet, kit: Path, wanted: str) -> None:
    """The host was set up again by hand at its address; nothing of rempart's is on it."""
    chair = cabinet.hosts["chair"]
    _, _, over_the_network = Pages(kit.read_text()).commands
    chair.run("mkdir /root/bare; mv /etc/rempart-backup /root/gone")
    try:
        said = chair.run("cd /root/bare && /bin/sh", input=f"set -e\n{over_the_network}\n").stdout
    finally:
        chair.run("mv /root/gone /etc/rempart-backup")
    assert "t/chair" in said
    assert chair.run(f"cd /restored{PATIENTS} && {DIGESTS}").stdout == wanted
