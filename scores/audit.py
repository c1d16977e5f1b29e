"""All auditors on one host, once."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from lab.host import Host
from scores import lynis, openscap, sshaudit
from scores.finding import Finding

IMAGE = "debian-12-machine"
"""A host that auditors judge as a machine: it has a kernel package and a boot loader."""


@dataclass(frozen=True)
class Audit:
    """What the auditors say about a host at one time; OpenSCAP's rules by profile."""

    profiles: Mapping[str, openscap.Rules]
    lynis: lynis.Report
    ssh: sshaudit.Report

    @property
    def findings(self) -> list[Finding]:
        """Return everything that any auditor does not like, each once."""
        rules = [each for profile in self.profiles.values() for each in openscap.findings(profile)]
        return sorted({*rules, *self.lynis.findings, *self.ssh.fail, *self.ssh.warn})


def install(host: Host) -> None:
    """Bring the auditors to a host; before rempart, or it would be a change beside its own."""
    packages = shlex.join([openscap.PACKAGE, lynis.PACKAGE])
    host.run(
        "apt-get update -q && DEBIAN_FRONTEND=noninteractive "
        f"apt-get install -q -y --no-install-recommends {packages} && apt-get clean",
        timeout_s=600,
    )
    openscap.bring_content(host)


def audit(host: Host) -> Audit:
    """Run all auditors on a host (a minute)."""
    profiles = {profile: openscap.evaluate(host, profile) for profile in openscap.PROFILES}
    return Audit(profiles, lynis.audit(host), sshaudit.audit(host.address))
