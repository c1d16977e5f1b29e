"""Stock Debian images, each built once: its folder is named by the hash of all that makes it."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from lab import cacher, cgroup, machine
from lab.errors import LabError
from lab.place import IMAGES

_FOLDER = Path(__file__).parent
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


@dataclass(frozen=True)
class Recipe:
    """What an image is made of: PACKAGES and `extra`, and the scripts that make them a host.

    Without scripts it is no host: `extra` alone, unpacked.
    """

    suite: str
    extra: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ("stock.sh",)


# What makes auditors judge a machine and not a container: rules about the kernel, its boot loader
# and the system log apply only where these are.
MACHINE = ("apparmor", "grub-pc", "linux-image-amd64", "rsyslog")

# What hardening installs. Where tests are about something else, less is to be done on each host.
READY = (
    *("aide", "apparmor", "auditd", "chrony", "clamav-daemon", "clamav-freshclam"),
    *("cracklib-runtime", "debsums", "libpam-pwquality", "needrestart", "nftables", "rclone"),
    *("restic", "unattended-upgrades"),
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
    "debian-12-ready": Recipe("bookworm", READY, ("stock.sh", "ready.sh")),
    "debian-13-ready": Recipe("trixie", READY, ("stock.sh", "ready.sh")),
    "debian-12-machine": Recipe("bookworm", MACHINE),
    "debian-12-desktop": Recipe("bookworm", DESKTOP, ("stock.sh", "desktop.sh")),
}

# Files that tests and auditors need of other releases of Debian: unpacked, nothing is installed.
UNPACKED = {
    "debian-11-ssh": Recipe("bullseye", ("openssh-client",), scripts=()),
    "debian-13-scap": Recipe("trixie", ("ssg-debian",), scripts=()),
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


def path(name: str) -> Path:
    """Return where the image called `name` (of RECIPES or UNPACKED) is, or will be."""
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


def remove_drafts() -> None:
    """Remove what an interrupted build left."""
    for draft in IMAGES.glob("*.draft"):
        shutil.rmtree(draft)


def _digest(name: str) -> str:
    parts = [*_command(name, Path("TARGET")), _sources(name), cacher.url()]
    parts += [(_FOLDER / script).read_text() for script in _recipe(name).scripts]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _recipe(name: str) -> Recipe:
    return (RECIPES | UNPACKED)[name]


def _sources(name: str) -> str:
    return cacher.mirrors().sources(_recipe(name).suite)


def _command(name: str, target: Path) -> list[str]:
    recipe = _recipe(name)
    host = bool(recipe.scripts)
    return [
        "mmdebstrap",
        "--mode=root",
        f"--variant={'minbase' if host else 'extract'}",
        "--format=directory",
        f"--keyring={_KEYRING}",
        f"--include={','.join([*(PACKAGES if host else []), *recipe.extra])}",
        f'--aptopt=Acquire::http::Proxy "{cacher.url()}"',
        f'--aptopt=Acquire::https::Proxy "{cacher.url()}"',
        *(["--skip=cleanup/apt/lists"] if host else []),  # `apt-get install` works at once
        *(f'--customize-hook=exec "$LAB/{script}" "$1"' for script in recipe.scripts),
        recipe.suite,
        str(target),
        "-",
    ]


def _build(name: str, target: Path) -> None:
    group = f"build-{name}"
    cgroup.remove(group)  # a build whose starter died would go on in our folder
    draft = target.with_suffix(".draft")
    if draft.exists():
        shutil.rmtree(draft)
    log = IMAGES / f"{name}.log"
    sys.stderr.write(f"lab: building the {name} image, once (half a minute; a desktop's: three)\n")
    # Its own mount namespace: no mount of a build that is killed outlives it.
    command = ["unshare", "--mount", "--propagation=private", *_command(name, draft)]
    try:
        with log.open("w") as output:
            done = subprocess.run(
                cgroup.joining(group, command),
                input=_sources(name),
                text=True,
                stdout=output,
                stderr=output,
                env=os.environ | {"LAB": str(_FOLDER), "PROXY": cacher.url(), "LC_ALL": "C.UTF-8"},
                check=False,
            )
    finally:
        cgroup.remove(group)
    if done.returncode != 0:
        raise LabError(
            f"lab: image {name}: mmdebstrap failed (got exit {done.returncode}); read {log}"
        )
    draft.replace(target)
