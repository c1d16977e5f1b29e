"""The machines of vm/, without a machine: keys, the trial of KVM, what libvirt leaves behind."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from lab import image
from lab.errors import LabError
from lab.requirements import program
from rempart.policy import load
from rempart.policy.fleet import practice_files
from vm import accelerator, box, identity
from vm.daemons import removals

ROOT = Path(__file__).parents[2]
HOST = re.compile(r'"([\w-]+)" => \["(debian-\d+)", "([\d.]+)"\]')
VFS = "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)"


@pytest.fixture
def checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A copy of what `vagrant` reads; identities are made in it."""
    shutil.copy(ROOT / "Vagrantfile", tmp_path)
    for folder in ("inventories", "lab", "vm"):
        ignored = shutil.ignore_patterns("known_hosts", "__pycache__")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    monkeypatch.setattr(identity, "FOLDER", tmp_path / ".vagrant/rempart")
    monkeypatch.setattr(identity, "KNOWN_HOSTS", tmp_path / "inventories/known_hosts/vagrant")
    return tmp_path


def machines() -> dict[str, tuple[str, str]]:
    """Return name -> box and address, as Vagrantfile has them."""
    found = HOST.findall((ROOT / "Vagrantfile").read_text())
    return {name: (box_name, address) for name, box_name, address in found}


def test_vagrantfile_and_inventory_name_the_same_machines(checkout: Path) -> None:
    identity.make(machines())
    policy = load(checkout / "inventories/vagrant.yaml")
    assert machines() == {
        host.name: (f"debian-{host.traits.release}", str(host.address))
        for host in policy.hosts
        if host.traits
    }
    assert {name for name, _ in machines().values()} == set(box.BOXES)


def test_practices_of_the_project_are_nobodys_fleet() -> None:
    assert practice_files(ROOT / "inventories") == []


def test_host_keys_are_pinned_before_there_is_a_machine(checkout: Path) -> None:
    identity.make(["accueil-1", "cabinet-1"])
    route = load(checkout / "inventories/vagrant.yaml").route
    policy = load(checkout / "inventories/vagrant.yaml")
    pins = set()
    for name in ("accueil-1", "cabinet-1"):
        public = identity.FOLDER / "hosts" / name / "ssh_host_ed25519_key.pub"
        pinned = route(policy.host(name)).known_hosts.read_text().split()
        assert pinned == [f"vagrant/{name}", *public.read_text().split()[:2]]
        pins.add(pinned[2])
    assert len(pins) == 2


def test_keys_and_passwords_stay_and_are_their_owners_alone(checkout: Path) -> None:
    identity.make(["accueil-1"])
    before = {path: path.read_bytes() for path in identity.FOLDER.rglob("*") if path.is_file()}
    identity.make(["accueil-1"])
    assert before == {path: path.read_bytes() for path in before}
    assert identity.FOLDER.stat().st_mode & 0o777 == 0o700
    assert len(identity.password("accueil-1")) >= 16
    with pytest.raises(LabError, match="cabinet-1: has no password yet; run"):
        identity.password("cabinet-1")


def test_vagrant_takes_the_vagrantfile(checkout: Path) -> None:
    if not shutil.which("vagrant"):
        pytest.skip("not measured: this machine has no vagrant; make vm-box installs it")
    environment = os.environ | {"VAGRANT_HOME": str(checkout / "home"), "LC_ALL": "C.UTF-8"}
    command = [program("vagrant"), "validate"]
    done = subprocess.run(
        command, cwd=checkout, env=environment, capture_output=True, text=True, check=False
    )
    assert "validated successfully" in done.stdout, done.stdout + done.stderr
    (checkout / "Vagrantfile").write_text(
        (checkout / "Vagrantfile").read_text().replace("v.cpus = 1", "v.processors_ = 1")
    )
    done = subprocess.run(
        command, cwd=checkout, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0


def test_another_image_or_recipe_is_another_box(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image, "path", lambda name: Path(f"/images/{name}-0a1b"))
    first = {box.path(name) for name in box.BOXES}
    monkeypatch.setattr(image, "path", lambda name: Path(f"/images/{name}-2c3d"))
    assert len(first | {box.path(name) for name in box.BOXES}) == 2 * len(box.BOXES)


@pytest.fixture
def qemu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A program in QEMU's place, to be written."""
    script = tmp_path / "qemu-system-x86_64"
    script.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.delenv(accelerator.VARIABLE, raising=False)
    return script


@pytest.mark.parametrize(
    ("does", "works"),
    [
        (f"echo '{VFS}'", True),
        ("echo 'failed to initialize kvm: No such file or directory' >&2; exit 1", False),
        ("exit 0", False),
        (f"echo '{VFS}'; exit 1", False),
    ],
    ids=["kernel ran", "no kvm", "silent reset", "crash"],
)
def test_trial_believes_a_kernels_last_words_alone(qemu: Path, does: str, works: bool) -> None:
    qemu.write_text(f"#!/bin/sh\n{does}\n")
    assert accelerator.works("kvm", Path("/vmlinuz")) is works


def test_trial_that_hangs_ends_and_leaves_no_process(qemu: Path) -> None:
    pids = qemu.with_name("pids")
    qemu.write_text(f"#!/bin/sh\ntrap '' TERM\nsleep 60 & echo $$ $! > {pids}\nwait\n")
    began = time.monotonic()
    assert accelerator.works("kvm", Path("/vmlinuz"), limit_s=1) is False
    assert time.monotonic() - began < 5
    for pid in pids.read_text().split():
        status = Path(f"/proc/{pid}/status")
        deadline = time.monotonic() + 10
        while status.exists() and "State:\tZ" not in status.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_variable_decides_without_a_trial(monkeypatch: pytest.MonkeyPatch, qemu: Path) -> None:
    qemu.write_text(f"#!/bin/sh\ntouch {qemu}.ran\n")
    for wish in ("tcg", "kvm"):
        monkeypatch.setenv(accelerator.VARIABLE, wish)
        assert accelerator.choose() == wish
    monkeypatch.setenv(accelerator.VARIABLE, "yes")
    with pytest.raises(LabError, match=r"REMPART_VM: unknown \(got 'yes'\); say tcg or kvm"):
        accelerator.choose()
    assert not Path(f"{qemu}.ran").exists()


LEFT = """\
-P INPUT ACCEPT
-N DOCKER
-N LIBVIRT_INP
-A INPUT -j LIBVIRT_INP
-A INPUT -p tcp -m comment --comment LIBVIRT_INP -j DOCKER
-A LIBVIRT_INP -i virbr1 -p udp -m udp --dport 53 -j ACCEPT
"""


def test_chains_of_libvirt_go_and_those_of_others_stay() -> None:
    assert removals([line for line in LEFT.splitlines() if line[:2] != "-P"]) == [
        ["-D", "INPUT", "-j", "LIBVIRT_INP"],
        ["-F", "LIBVIRT_INP"],
        ["-X", "LIBVIRT_INP"],
    ]
