"""PR-4: nothing gets rights by a file in a folder of everybody's, and new files are private."""

from __future__ import annotations

import pytest

from rempart.policy import Host, Policy
from rempart.verify.machine import Machine
from rempart.verify.proof import Proof

NOT_ASKED = "not asked for at baseline minimal"
MOST = 20
"""Of files that stand in one finding."""

FOLDERS = {
    "/home": {"nodev", "nosuid"},
    "/tmp": {"nodev", "nosuid"},
    "/var/tmp": {"nodev", "nosuid"},
    "/dev/shm": {"nodev", "nosuid", "noexec"},
}

# ANSSI-BP-028 R50: the most that files may allow.
SENSITIVE = {
    "/etc/cron.d /etc/cron.daily /etc/cron.hourly /etc/cron.monthly /etc/cron.weekly": 0o700,
    "/etc/crontab /etc/ssh/sshd_config /boot/grub/grub.cfg": 0o600,
    "/etc/shadow /etc/gshadow": 0o640,
    "/etc/passwd /etc/group": 0o644,
    "/etc/sudoers": 0o440,
}

UNNEEDED_SETUID = "/usr/bin/chfn /usr/bin/chsh /usr/lib/openssh/ssh-keysign"

# A copy of id that is nobody's and setuid: who starts it becomes nobody, unless nosuid.
_TRY = """
file=$(mktemp -p "$1") || exit 1
trap 'rm -f "$file"' EXIT
cp /usr/bin/id "$file"; chown nobody "$file"; chmod 4755 "$file"
if said=$("$file" -u 2>/dev/null); then echo "$1 runs $said"; else echo "$1 noexec"; fi
"""

_NEW_FILE = """
folder=$(mktemp -d /tmp/rempart.XXXXXX); chown nobody "$folder"
trap 'rm -rf "$folder"' EXIT
su -s /bin/bash -l nobody -c "touch $folder/login; bash -ic 'touch $folder/terminal'"
stat -c '%a %n' "$folder"/*
"""

# On local disks, containers' own trees and network's left out. One walk for three questions.
_WALK = """
others='-x tmpfs -x devtmpfs -x vfat -x exfat -x fuseblk -x squashfs'
nice find $(df --local --output=target $others | tail -n +2) -xdev -ignore_readdir_race \\
  \\( -path /var/lib/docker -o -path /var/lib/containers -o -path /var/lib/machines \\) -prune -o \\
  \\( -nouser -o -nogroup \\) -printf 'unowned %p\\n' -o \\
  -type d -perm -0002 ! -perm -1000 -printf 'open %p\\n' -o \\
  -type f -perm /6000 -printf 'setuid %p\\n' |
awk '$1 == "setuid" || count[$1]++ < MOST' | while read -r what path; do
  case $what in
  setuid) dpkg-query -S "$path" || dpkg-query -S "${path#/usr}" || echo "setuid $path" >&3 ;;
  *) echo "$what $path" >&3 ;;
  esac
done 3>&1 >/dev/null 2>&1
"""


@pytest.mark.control("PR-4")
def test_folders_of_everybody_have_mount_options(
    machine: Machine, policy: Policy, subject: Host, proof: Proof
) -> None:
    """Mounts say that no device, no setuid and, where it can be, no program counts there."""
    if policy.baseline == "minimal":
        proof.does_not_apply(f"mount options: {NOT_ASKED}", "policy")
        return
    wrong = []
    for folder, options in _wanted(policy, subject).items():
        line = machine.ask(f"findmnt -n -o OPTIONS --mountpoint {folder} | tail -n 1").strip()
        missing = sorted(options - set(line.split(",")))
        wrong += [f"{folder} lacks {','.join(missing)}"] if missing else []
    proof.none(wrong, "nodev, nosuid (noexec)", "findmnt")


@pytest.mark.control("PR-4")
def test_setuid_does_not_count_there(
    machine: Machine, policy: Policy, subject: Host, proof: Proof
) -> None:
    """A setuid program in a folder of everybody's gives nobody's rights, or does not run."""
    if policy.baseline == "minimal":
        proof.does_not_apply(f"mount options: {NOT_ASKED}", "policy")
        return
    wrong = []
    for folder, options in _wanted(policy, subject).items():
        said = machine.ask(f"set -- {folder}\n{_TRY}", name="a setuid program").strip()
        expected = f"{folder} noexec" if "noexec" in options else f"{folder} runs 0"
        wrong += [said] if said != expected else []
    proof.none(wrong, "setuid ignored, noexec refused", "a setuid copy of id")


def _wanted(policy: Policy, subject: Host) -> dict[str, set[str]]:
    """Return the options by folder; programs of workstations may start in /tmp."""
    if policy.baseline == "enhanced" and subject.role != "workstation":
        return FOLDERS | {"/tmp": FOLDERS["/tmp"] | {"noexec"}}
    return FOLDERS


@pytest.mark.control("PR-4")
def test_new_files_are_private(machine: Machine, policy: Policy, proof: Proof) -> None:
    """What a person makes in a login shell or a terminal is closed to others."""
    if policy.baseline == "minimal":
        proof.does_not_apply(f"umask: {NOT_ASKED}", "policy")
        return
    most = 0o600 if policy.baseline == "enhanced" else 0o640
    pairs = [line.split() for line in machine.ask(_NEW_FILE, name="a new file").splitlines()]
    modes = {path.rpartition("/")[2]: int(mode, 8) for mode, path in pairs}
    wrong = [f"{name} {mode:o}" for name, mode in modes.items() if mode & ~most]
    missing = [f"{name} not made" for name in ("login", "terminal") if name not in modes]
    proof.none(wrong + missing, f"at most {most:o}", "su -l, bash -i")


@pytest.mark.control("PR-4")
def test_sensitive_files_are_closed(machine: Machine, policy: Policy, proof: Proof) -> None:
    """Passwords, jobs and configuration are root's, and no wider than they must be."""
    if policy.baseline == "minimal":
        proof.does_not_apply(f"permissions: {NOT_ASKED}", "policy")
        return
    wrong = []
    for paths, most in SENSITIVE.items():
        lines = machine.ask(f"stat -c '%a %U %n' {paths} 2>/dev/null || :").splitlines()
        for mode, user, path in (line.split() for line in lines):
            if int(mode, 8) & ~most or user != "root":
                wrong.append(f"{path} {mode} {user}")
    proof.none(wrong, "root's, no wider than ANSSI-BP-028 R50", "stat")


@pytest.mark.control("PR-4")
def test_unneeded_programs_have_no_rights(machine: Machine, policy: Policy, proof: Proof) -> None:
    """Programs that no practice needs run with nobody's rights but the caller's."""
    if policy.baseline != "enhanced":
        proof.does_not_apply("unneeded setuid programs: asked for at baseline enhanced", "policy")
        return
    found = machine.ask(f"find {UNNEEDED_SETUID} -perm /6000 2>/dev/null || :").split()
    proof.none(found, f"not setuid: {UNNEEDED_SETUID}", "find")


@pytest.fixture(scope="module")
def strays(machine: Machine) -> dict[str, list[str]]:
    """What a walk over the local disks found: ``{"unowned": [...], "open": [...]}``."""
    said = machine.ask(_WALK.replace("MOST", str(MOST)), name="find", timeout_s=600)
    found: dict[str, list[str]] = {}
    for line in said.splitlines():
        what, _, path = line.partition(" ")
        found.setdefault(what, []).append(path)
    return found


@pytest.mark.control("PR-4")
def test_every_file_has_an_owner(strays: dict[str, list[str]], proof: Proof) -> None:
    """No file is left that belongs to an account or group which is gone (R53)."""
    proof.none(strays.get("unowned", []), "an owner for every file", "find -nouser -nogroup")


@pytest.mark.control("PR-4")
def test_nobody_removes_others_files(strays: dict[str, list[str]], proof: Proof) -> None:
    """Folders that everybody may write in have the sticky bit (R54)."""
    proof.none(strays.get("open", []), "the sticky bit", "find -perm -0002")


@pytest.mark.control("PR-4")
def test_setuid_programs_are_of_packages(strays: dict[str, list[str]], proof: Proof) -> None:
    """Every setuid or setgid program came with a package of the distribution (R56)."""
    proof.none(strays.get("setuid", []), "none that no package brought", "find -perm /6000")
