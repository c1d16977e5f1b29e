"""Kernel and filesystem: what each baseline adds, and where it may not be set."""

from __future__ import annotations

from datetime import date
from ipaddress import ip_address
from pathlib import Path

import pytest

from rempart.hardening import filesystem, kernel
from rempart.policy import Policy, Traits, load
from rempart.resources import File, Resource, Sysctl

EXAMPLE = Path(__file__).parents[3] / "inventories" / "example.yaml"
TRAITS = Traits(
    os="debian", release="12", codename="bookworm", arch="amd64", virtualisation="none",
    memory="standard", desktop="none", locale="fr_FR.UTF-8",
)  # fmt: skip
TODAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load(EXAMPLE)


def wanted(policy: Policy, baseline: str, virtualisation: str = "none") -> list[Resource]:
    held = policy.model_copy(update={"baseline": baseline})
    traits = TRAITS.model_copy(update={"virtualisation": virtualisation})
    host = held.host("accueil-1")
    return [
        *kernel.desired(held, host, traits, TODAY),
        *filesystem.desired(held, host, traits, TODAY),
    ]


def running(resources: list[Resource]) -> set[str]:
    return {r.setting for r in resources if isinstance(r, Sysctl)}


def boots(resources: list[Resource]) -> str:
    (file,) = (r for r in resources if r.key == kernel.SYSCTL_FILE)
    assert isinstance(file, File)
    return file.content or ""


def test_each_baseline_holds_all_of_the_one_below(policy: Policy) -> None:
    ids = [{r.id for r in wanted(policy, b)} for b in ("minimal", "intermediary", "enhanced")]
    assert ids[0] < ids[1] < ids[2]


def test_container_sets_the_network_alone_but_writes_all_for_boots(policy: Policy) -> None:
    inside, outside = (wanted(policy, "enhanced", v) for v in ("systemd-nspawn", "kvm"))
    assert all(setting.startswith("net.") for setting in running(inside))
    assert {"kernel.dmesg_restrict", "fs.suid_dumpable"} <= running(outside)
    assert boots(inside) == boots(outside)


def test_what_nobody_could_take_back_waits_for_the_next_boot(policy: Policy) -> None:
    resources = wanted(policy, "enhanced")
    for setting in ("net.ipv4.ip_forward", "kernel.unprivileged_bpf_disabled"):
        assert setting not in running(resources)
        assert f"{setting} = " in boots(resources)


@pytest.mark.parametrize("key", ["address", "inside"])
def test_host_that_is_reached_over_ipv6_keeps_its_advertisements(policy: Policy, key: str) -> None:
    held = policy.model_copy(update={"baseline": "enhanced"})
    address = ip_address("2001:db8::1")
    host = held.host("accueil-1")
    over6 = host.model_copy(update={key: address if key == "address" else (address,)})
    assert "net.ipv6.conf.all.autoconf" in kernel.settings(held, host)
    assert "net.ipv6.conf.all.autoconf" not in kernel.settings(held, over6)


@pytest.mark.parametrize("word", ["user_namespaces", "userns", "modules_disabled", "disable_ipv6"])
def test_what_breaks_browsers_scanners_or_networks_is_never_set(policy: Policy, word: str) -> None:
    assert word not in boots(wanted(policy, "enhanced"))


def test_programs_start_in_tmp_on_workstations_alone(policy: Policy) -> None:
    held = policy.model_copy(update={"baseline": "enhanced"})
    assert "noexec" not in filesystem.mounts(held, held.host("accueil-1"))["/tmp"]
    assert "noexec" in filesystem.mounts(held, held.host("srv-sftp"))["/tmp"]
    assert "noexec" not in filesystem.mounts(policy, held.host("srv-sftp"))["/tmp"]
