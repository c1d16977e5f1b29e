"""What rempart owns and no longer wants shows as a removal, and the original comes back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import practice
import pytest
from cabinet import Cabinet

OLDER = Path(__file__).with_name("older.py")
PRIVATE = "stat -c '%a %U:%G %F' /etc/issue.net; base64 /etc/issue.net; readlink /etc/older-link"
STATE = f"""
{PRIVATE}
grep -nE '^[^#]' /etc/login.defs
sysctl net.ipv4.conf.all.log_martians
systemctl is-enabled dpkg-db-backup.timer; systemctl is-active dpkg-db-backup.timer
ls -d /etc/older /etc/systemd/system/rempart-older.service
ls -d /etc/systemd/system/*/rempart-older.service
systemctl is-active rempart-older.service
getent group older-group
dpkg-query -W -f '${{db:Status-Status}}\\n' tree
"""
"""Prints all that older.py's objects can change."""

REMOVALS = {
    "Give up tree": "- tree, unless another package needs it",
    "Give up older-group": "- group older-group",
    "Give up o.lder": "- account o.lder: expired, sessions ended, home kept",
    "Give up /etc/older": "- removed if empty",
    "Give up /etc/older/new.conf": "-new",
    "Give up /etc/issue.net": "+ the original, kept on the host",
    "Give up /etc/older-link": "+ the original, kept on the host",
    "Give up /etc/systemd/system/rempart-older.service": "-ExecStart=/bin/sleep infinity",
    "Give up rempart-older.service": "- disabled and stopped",
    "Give up dpkg-db-backup.timer": "+ enabled, active, as before",
    "Give up /etc/login.defs#UMASK": "+ UMASK\t\t022",
    "Give up /etc/login.defs#FAIL_DELAY": "+ (not set)",
    "Give up net.ipv4.conf.all.log_martians": "+ 0, as before",
}


@dataclass(frozen=True)
class Upgrade:
    """States of `t/a` before the older rempart, under it, and after the newer one's apply."""

    before: str
    under: str
    after: str
    planned: dict[str, list[str]]
    applied: subprocess.CompletedProcess[str]
    left: dict[str, dict[str, list[str]]]


@pytest.fixture(scope="module")
def upgrade(cabinet: Cabinet) -> Iterator[Upgrade]:
    host = cabinet.a
    host.run(r"printf 'Bienvenue \377\n\nno line end' > /etc/issue.net")
    host.run("chown admin:adm /etc/issue.net; chmod 640 /etc/issue.net")
    host.run("ln -s nowhere /etc/older-link; sed -i /^FAIL_DELAY/d /etc/login.defs")
    host.run("systemctl -q enable --now dpkg-db-backup.timer")
    before = host.run(STATE, check=False).stdout
    older = subprocess.run(
        [sys.executable, OLDER, "apply", cabinet.inventory, "--yes"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert older.returncode == 0, older.stdout + older.stderr
    under = host.run(STATE, check=False).stdout
    planned = practice.planned(cabinet.inventory)["t/a"]
    cabinet.plan()
    applied = cabinet.apply()
    after = host.run(STATE, check=False).stdout
    yield Upgrade(before, under, after, planned, applied, practice.planned(cabinet.inventory))
    host.run("rm /etc/older-link")


def test_older_version_did_own_the_objects(upgrade: Upgrade) -> None:
    assert upgrade.under != upgrade.before
    assert "rempart-older.service" in upgrade.under


@pytest.mark.parametrize("label", REMOVALS)
def test_object_that_is_no_longer_wanted_is_a_removal_in_the_plan(
    upgrade: Upgrade, label: str
) -> None:
    assert REMOVALS[label] in upgrade.planned[label]


def test_plan_after_an_upgrade_shows_the_removals_alone(upgrade: Upgrade) -> None:
    assert set(upgrade.planned) == set(REMOVALS)


def test_removals_bring_back_what_was_there_before(upgrade: Upgrade) -> None:
    assert upgrade.applied.returncode == 0, upgrade.applied.stdout + upgrade.applied.stderr
    assert upgrade.after == upgrade.before


def test_account_that_is_no_longer_wanted_is_dead_and_its_home_kept(
    upgrade: Upgrade, cabinet: Cabinet
) -> None:
    assert cabinet.a.run("getent shadow o.lder").stdout.split(":")[7] == "1"
    assert cabinet.a.run("stat -c %U /home/o.lder").stdout == "o.lder\n"


def test_nothing_is_left_to_plan_after_the_removals(upgrade: Upgrade) -> None:
    assert upgrade.left == {"t/a": {}, "t/b": {}}


def test_manifest_forgets_what_was_given_up(upgrade: Upgrade, cabinet: Cabinet) -> None:
    kept = cabinet.a.run("cd /var/lib/rempart; cat manifest.json; find originals ! -type d")
    assert "older" not in kept.stdout
    assert "issue.net" not in kept.stdout
