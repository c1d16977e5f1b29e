"""Stock Debian images, each built once: its folder is named by the hash of all that makes it."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from lab import cacher, cgroup, machine
from lab.errors import DroppedError, LabError
from lab.place import IMAGES
from lab.requirements import program


@dataclass(frozen=True)
class Recipe:
    """What an image is made of, besides PACKAGES; one that does not boot is `extra` unpacked.

    `script` is a program beside this file that is called with the root folder last of all.
    """

    suite: str
    extra: tuple[str, ...] = ()
    boots: bool = True
    script: str = ""


# What makes auditors judge a machine and not a container: rules about the kernel, its boot loader
# and the system log apply only where these are.
MACHINE = ("apparmor", "grub-pc", "linux-image-amd64", "rsyslog")

# What hardening installs. Where tests are about something else, less is to be done on each host.
READY = (
    *("apparmor", "auditd", "chrony", "clamav-daemon", "clamav-freshclam", "cracklib-runtime"),
    *("libpam-pwquality", "needrestart", "nftables", "unattended-upgrades"),
)

# A practice's desk: the desktop, the browsers and the printing that Debian's installer brings, and
# what lets a test sit at it (a screen without hardware, a hand on the keyboard).
DESKTOP = (
    *("xfce4-session", "xfce4-panel", "xfce4-settings", "xfce4-terminal", "xfce4-power-manager"),
    *("xfwm4", "xfdesktop4", "thunar", "thunar-volman", "gvfs"),
    *("lightdm", "lightdm-gtk-greeter", "light-locker", "dbus-user-session", "polkitd"),
    *("firefox-esr", "firefox-esr-l10n-fr", "chromium", "chromium-l10n", "chromium-sandbox"),
    *("fonts-dejavu-core", "librsvg2-common"),
    *("cups", "cups-client", "cups-bsd", "cups-browsed", "avahi-daemon", "printer-driver-cups-pdf"),
    *("xvfb", "xdotool", "x11-utils", "x11-xserver-utils"),
)

RECIPES = {
    "debian-12": Recipe("bookworm"),
    "debian-13": Recipe("trixie"),
    "debian-12-ready": Recipe("bookworm", READY, script="ready.sh"),
    "debian-13-ready": Recipe("trixie", READY, script="ready.sh"),
    "debian-12-machine": Recipe("bookworm", MACHINE),
    "debian-12-desktop": Recipe("bookworm", DESKTOP, script="desktop.sh"),
}

# Roots of virtual machines' disks, which vm/ makes: the network as the installer sets it up.
_VM = (*MACHINE, "ifupdown", "lz4")
BOXES = {
    "debian-12-vm": Recipe("bookworm", (*_VM, "isc-dhcp-client"), script="vm.sh"),
    "debian-13-vm": Recipe("trixie", (*_VM, "dhcpcd-base"), script="vm.sh"),
}

# Files that tests and auditors need of other releases of Debian: unpacked, nothing is installed.
UNPACKED = {
    "debian-11-ssh": Recipe("bullseye", ("openssh-client",), boots=False),
    "debian-13-scap": Recipe("trixie", ("ssg-debian",), boots=False),
}

# What the installer's base system and `standard` task have of concern to the lab's users: python3
# and telnet come with `standard`. No firewall, no automatic updates.
PACKAGES = [
    "adduser",
    "apt-utils",
    "ca-certificates",
    "cron",
    "dbus",
    "inetutils-telnet",
    "iproute2",
    "iputils-ping",
    "less",
    "libpam-systemd",
    "locales",
    "login",
    "logrotate",
    "netbase",
    "openssh-server",
    "passwd",
    "procps",
    "python3",
    "sudo",
    "systemd",
    "systemd-sysv",
    "tzdata",
]

_STOCK = Path(__file__).with_name("stock.sh")
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def path(name: str) -> Path:
    """Return where the image called `name` (of RECIPES, BOXES or UNPACKED) is, or will be."""
    return IMAGES / f"{name}-{_digest(name)}"


def make(name: str) -> Path:
    """Return the image's root folder, built first if it is not there.

    That takes about half a minute, a desktop's three. The package cache must be up, as it is in a
    lab session.
    """
    target = path(name)
    if target.is_dir():
        return target
    with machine.lock(f"image-{name}"):
        if not target.is_dir():
            _build(name, target)
    return target


def is_dropped(said: str) -> bool:
    """Tell whether all that mmdebstrap could not fetch are Release files that are not there (404).

    Any other error is not that, also beside it.
    """
    errors = re.findall(r"^Err:\d+ (.+)\n +(.+)$", said, re.MULTILINE)
    return bool(errors) and all(
        what.endswith(" Release") and why.startswith("404 ") for what, why in errors
    )


def remove_drafts() -> None:
    """Remove what interrupted builds left, and nothing that is being built."""
    for draft in IMAGES.glob("*.draft"):
        with _log(draft.name.rpartition("-")[0]).open("a") as log:
            try:
                fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # by another lab: one has its own locks, but the images are everyone's
            shutil.rmtree(draft)


def _log(name: str) -> Path:
    """Return what a build says, held (flock) by all its processes as long as it lasts."""
    return IMAGES / f"{name}.log"


def _digest(name: str) -> str:
    parts = [*_command(name, Path("TARGET")), _sources(name), cacher.url()]
    parts += [script.read_text() for script in _scripts(name)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _hosts_suites() -> set[str]:
    """Return the releases of the hosts, which the archive must have."""
    return {recipe.suite for recipe in RECIPES.values()}


def _recipe(name: str) -> Recipe:
    return (RECIPES | BOXES | UNPACKED)[name]


def _scripts(name: str) -> list[Path]:
    recipe = _recipe(name)
    return [
        *([_STOCK] if recipe.boots else []),
        *([_STOCK.with_name(recipe.script)] if recipe.script else []),
    ]


def _environment(name: str) -> dict[str, str]:
    """Return what mmdebstrap's hooks read; SCRIPT is a program only where the recipe names one."""
    script = _STOCK.parent / _recipe(name).script
    own = {"STOCK": str(_STOCK), "SCRIPT": str(script)}
    return own | {"PROXY": cacher.url(), "LC_ALL": "C.UTF-8"}


def _sources(name: str) -> str:
    return cacher.mirrors().sources(_recipe(name).suite)


def _command(name: str, target: Path) -> list[str]:
    recipe = _recipe(name)
    packages = [*PACKAGES, *recipe.extra] if recipe.boots else recipe.extra
    installed = [
        "--skip=cleanup/apt/lists",  # `apt-get install` works at once, as after an installation
        '--customize-hook=exec "$STOCK" "$1"',
        *(['--customize-hook=exec "$SCRIPT" "$1"'] if recipe.script else []),
    ]
    return [
        "mmdebstrap",
        "--mode=root",
        f"--variant={'minbase' if recipe.boots else 'extract'}",
        "--format=directory",
        f"--keyring={_KEYRING}",
        f"--include={','.join(packages)}",
        f'--aptopt=Acquire::http::Proxy "{cacher.url()}"',
        f'--aptopt=Acquire::https::Proxy "{cacher.url()}"',
        *(installed if recipe.boots else []),
        recipe.suite,
        str(target),
        "-",
    ]


def _build(name: str, target: Path) -> None:
    group = f"build-{name}"
    cgroup.remove(group)  # a build whose starter died would go on in our folder
    draft = target.with_suffix(".draft")
    log = _log(name)
    sys.stderr.write(f"lab: building the {name} image, once (half a minute; a desktop's: three)\n")
    # Its own mount namespace: no mount of a build that is killed outlives it.
    command = [program("unshare"), "--mount", "--propagation=private", *_command(name, draft)]
    try:
        with log.open("w") as output:
            fcntl.flock(output, fcntl.LOCK_EX)
            if draft.exists():
                shutil.rmtree(draft)
            done = subprocess.run(
                cgroup.joining(group, command),
                input=_sources(name),
                text=True,
                stdout=output,
                stderr=output,
                env=os.environ | _environment(name),
                check=False,
            )
            if done.returncode == 0:
                draft.replace(target)
                return
    finally:
        cgroup.remove(group)
    if _recipe(name).suite not in _hosts_suites() and is_dropped(log.read_text()):
        raise DroppedError(f"lab: image {name}: the archive has dropped {_recipe(name).suite}")
    raise LabError(f"lab: image {name}: mmdebstrap failed (got exit {done.returncode}); read {log}")
