"""Bringing the lab up and taking it down, whole; what the command line and the fixtures call."""

import shutil
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab import cacher, cgroup, disk, image, machine, network, place, requirements, secret
from lab.errors import LabError
from lab.host import Host
from lab.topology import NAMED, PRACTICE, SPARE_NUMBERS, find, spare

KEPT = place.STATE / "kept"
"""Present while someone wants the lab to stay: `up` was said, and `down` not since."""

_NSPAWN_RUN = Path("/run/systemd/nspawn")


def make_base(*, keep: bool = False) -> None:
    """Make, or repair, what all hosts share: limits, networks, package cache, keys."""
    requirements.check()
    with machine.lock():
        if keep:
            KEPT.touch()
        machine.adapt()
        network.make_base()
        cacher.make()
        secret.make_people_keys()


def boot(hosts: Iterable[Host]) -> None:
    """Boot hosts side by side, having built the images they need."""
    hosts = list(hosts)
    for name in sorted({host.spec.image for host in hosts}):
        image.make(name)
    each(hosts, Host.boot)


def each(hosts: Iterable[Host], action: Callable[[Host], None]) -> None:
    """Do it to all hosts side by side; raises LabError at the end, a line for each that failed."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        outcomes = [pool.submit(action, host) for host in hosts]
    errors = []
    for outcome in outcomes:
        try:
            outcome.result()
        except LabError as error:
            errors.append(str(error))
    if errors:
        raise LabError("\n".join(errors))


def up(identities: Iterable[str] = PRACTICE, *, keep: bool = True) -> list[Host]:
    """Boot the named hosts, and leave those alone that are up."""
    make_base(keep=keep)
    hosts = [Host(find(identity)) for identity in identities]
    boot(hosts)
    return hosts


def up_count(count: int, image_name: str = "debian-12") -> list[Host]:
    """Boot as many spare hosts as `count` says, those that stay up already included."""
    make_base(keep=True)
    mine = [host for host in present() if owner(host) == "up"]
    while len(mine) < count:
        mine.append(take_spare(image_name, "up"))
    boot(mine)
    return mine


def take_spare(image_name: str, owner_name: str) -> Host:
    """Reserve a free spare host for its owner, not booted yet; safe between processes."""
    for number in SPARE_NUMBERS:
        host = Host(spare(number, image_name))
        draft = Path(tempfile.mkdtemp(prefix=".spare-", dir=place.HOSTS))
        (draft / "owner").write_text(owner_name)
        (draft / "image").write_text(image_name)
        try:
            draft.rename(host.folder)
        except OSError:  # taken: a folder with files in it is not replaced (rename(2))
            shutil.rmtree(draft)
            continue
        return host
    raise LabError(
        f"lab: spare hosts: all are taken (got {len(SPARE_NUMBERS)} in use); "
        "run `python -m lab down` to remove leftovers"
    )


def owner(host: Host) -> str:
    """Return who reserved a spare host, nothing for the named ones."""
    file = host.folder / "owner"
    return file.read_text() if file.exists() else ""


def present() -> list[Host]:
    """Return the hosts that have a disk, on or off, the practice's first."""
    named = [Host(spec) for spec in NAMED.values()]
    spares = [Host(find(path.parent.name)) for path in place.HOSTS.glob("host-1??/image")]
    spares.sort(key=lambda host: host.spec.number)
    return [host for host in [*named, *spares] if host.folder.exists()]


def down(*, purge: bool = False) -> None:
    """Remove all the lab made on this machine and put its settings back.

    Goes by names and not by memory, so that it also cleans up after an `up` that was killed.
    Images, packages, keys and passwords stay; with `purge` only images and packages do.
    """
    requirements.check()
    with machine.lock():
        cgroup.remove()
        network.remove_all()
        disk.unmount_below(place.HOSTS)
        shutil.rmtree(place.HOSTS, ignore_errors=True)
        image.remove_drafts()
        _remove_nspawn_leftovers()
        machine.restore()
        KEPT.unlink(missing_ok=True)
        if purge:
            shutil.rmtree(place.STATE)


def _remove_nspawn_leftovers() -> None:
    """nspawn tidies up only when it ends by itself, which a power cut does not let it."""
    for folder in _NSPAWN_RUN.glob(f"*/{place.NAME_PREFIX}*"):
        shutil.rmtree(folder)
