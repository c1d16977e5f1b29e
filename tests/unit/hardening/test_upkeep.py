"""Logs, audit, clock, jobs and services: what each baseline and each kind of machine gets."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from rempart.hardening import desired
from rempart.hardening.audit import LEVELS, RULES
from rempart.hardening.services import DISCOVERY
from rempart.policy import Policy, Traits, load
from rempart.policy.firewall import Firewall, Service
from rempart.policy.host import CONTAINERS
from rempart.resources import File, Package, Resource, Unit

EXAMPLE = Path(__file__).parents[3] / "inventories" / "example.yaml"
TODAY = date(2026, 11, 22)
MACHINE = Traits(
    os="debian", release="13", codename="trixie", arch="amd64", virtualisation="none",
    memory="standard", desktop="gnome", locale="fr_FR.UTF-8",
)  # fmt: skip


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load(EXAMPLE)


def wanted(
    policy: Policy, traits: Traits = MACHINE, host: str = "fauteuil-1"
) -> dict[str, Resource]:
    found = desired(policy, policy.host(host), traits, TODAY)
    return {resource.id: resource for resource in found}


def rules(policy: Policy, baseline: str, arch: str = "amd64") -> list[str]:
    at = policy.model_copy(update={"baseline": baseline})
    file = wanted(at, MACHINE.model_copy(update={"arch": arch}))[f"file:{RULES}"]
    assert isinstance(file, File)
    return [line for line in (file.content or "").splitlines() if line.startswith("-")]


def test_each_baseline_notes_all_that_the_one_below_notes(policy: Policy) -> None:
    levels = [set(rules(policy, level)) for level in LEVELS]
    assert levels[0] < levels[1] < levels[2]


def test_no_rule_stands_twice(policy: Policy) -> None:
    # The kernel would refuse the second one.
    found = rules(policy, "enhanced")
    assert len(found) == len(set(found))


def test_rules_are_locked_at_the_very_end_and_at_enhanced_alone(policy: Policy) -> None:
    assert rules(policy, "enhanced")[-1] == "-e 2"
    assert "-e 2" not in rules(policy, "intermediary")


@pytest.mark.parametrize("baseline", LEVELS)
def test_other_machines_get_no_rule_about_calls_that_they_lack(
    policy: Policy, baseline: str
) -> None:
    found = rules(policy, baseline, "arm64")
    calls = {
        call
        for line in found
        for words in [line.split()]
        for option, value in pairwise(words)
        if option == "-S"
        for call in value.split(",")
    }
    assert not calls & {"chmod", "open", "rename", "unlink", "stime"}
    assert "arch=b32" not in " ".join(found)


@pytest.mark.parametrize("kind", sorted(CONTAINERS))
def test_container_is_not_asked_to_run_what_only_a_kernel_of_its_own_runs(
    policy: Policy, kind: str
) -> None:
    here = wanted(policy, MACHINE.model_copy(update={"virtualisation": kind}))
    for unit in ("auditd.service", "chrony.service"):
        resource = here[f"unit:{unit}"]
        assert isinstance(resource, Unit)
        assert (resource.enabled, resource.running) == (True, None)
    assert "file:/etc/systemd/system/auditd.service.d/10-rempart.conf" in here


def test_machine_runs_auditd_as_debian_has_it(policy: Policy) -> None:
    here = wanted(policy)
    unit = here["unit:auditd.service"]
    assert isinstance(unit, Unit)
    assert unit.running
    assert "file:/etc/systemd/system/auditd.service.d/10-rempart.conf" not in here


def test_locked_rules_do_not_keep_auditd_from_starting_again(policy: Policy) -> None:
    path = "file:/etc/systemd/system/audit-rules.service.d/10-rempart.conf"
    file = wanted(policy)[path]
    assert isinstance(file, File)
    assert "ExecStart=-/usr/sbin/augenrules --load" in (file.content or "")
    assert path not in wanted(policy, MACHINE.model_copy(update={"release": "12"}))


def test_only_one_time_service_is_wanted(policy: Policy) -> None:
    names = {"chrony", "ntp", "ntpsec", "openntpd", "systemd-timesyncd"}
    packages = [r for r in wanted(policy).values() if isinstance(r, Package)]
    assert [r.package for r in packages if r.package in names and r.present] == ["chrony"]
    assert len([r for r in packages if r.package in names]) == len(names)


def test_jobs_are_for_root_and_whom_the_policy_names(policy: Policy) -> None:
    for path in ("/etc/cron.allow", "/etc/at.allow"):
        file = wanted(policy)[f"file:{path}"]
        assert isinstance(file, File)
        assert (file.content or "").splitlines() == ["root", "m.rivoire"]


def test_service_stays_where_the_policy_names_its_port(policy: Policy) -> None:
    assert "unit:smbd.service" in wanted(policy)
    share = Service.model_validate(
        {"name": "share", "ports": [445], "hosts": ["fauteuil-1"], "from": ["192.168.1.0/24"]}
    )
    named = policy.model_copy(update={"firewall": Firewall(services=(share,))})
    assert "unit:smbd.service" not in wanted(named)
    assert "unit:rpcbind.service" in wanted(named)


def test_workstation_keeps_what_finds_printers_and_a_server_where_mdns_is_named(
    policy: Policy,
) -> None:
    found = {f"unit:{unit}" for unit in DISCOVERY}
    assert "unit:cups-browsed.service" in found
    assert not found & wanted(policy).keys()
    assert found <= wanted(policy, host="srv-sftp").keys()
    mdns = Service.model_validate(
        {"name": "mdns", "hosts": ["srv-sftp"], "from": ["192.168.1.0/24"]}
    )
    named = policy.model_copy(update={"firewall": Firewall(services=(mdns,))})
    assert not found & wanted(named, host="srv-sftp").keys()
