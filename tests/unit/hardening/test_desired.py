"""What the hardening wants: the same each time, nothing twice, and for nobody it should not."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from rempart.controls import CONTROLS
from rempart.engine.journal import policy_digest
from rempart.hardening import desired
from rempart.hardening.accounts import KEY_FOLDER
from rempart.policy import Policy, Traits, load
from rempart.policy.model import ControlException
from rempart.resources import Directory, File, Package, Resource, Unit, User

EXAMPLE = Path(__file__).parents[3] / "inventories" / "example.yaml"

TODAY = date(2026, 11, 22)
TRAITS = Traits(
    os="debian", release="13", codename="trixie", arch="amd64", virtualisation="none",
    memory="standard", desktop="none", locale="fr_FR.UTF-8",
)  # fmt: skip
HARMLESS = {
    *("updates", "services", "session", "desktop", "browsers", "malware"),
    *("logs", "audit", "time", "jobs", "integrity", "apparmor"),
}
"""Concerns whose every change leaves the way in as it is."""

HOSTS = ["srv-sftp", "accueil-1", "fauteuil-1", "fauteuil-2"]


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load(EXAMPLE)


def wanted(policy: Policy, host: str, today: date = TODAY) -> list[Resource]:
    return desired(policy, policy.host(host), TRAITS, today)


def key_file(policy: Policy, host: str, login: str, today: date) -> str:
    files = [r for r in wanted(policy, host, today) if isinstance(r, File)]
    return next((f.content or "" for f in files if f.path == f"{KEY_FOLDER}/{login}"), "")


def accounts(policy: Policy, host: str, today: date = TODAY) -> dict[str, User]:
    return {r.login: r for r in wanted(policy, host, today) if isinstance(r, User)}


@pytest.mark.parametrize("host", HOSTS)
def test_same_policy_gives_the_same_resources_in_the_same_order(
    policy: Policy, host: str, tmp_path: Path
) -> None:
    assert repr(wanted(policy, host)) == repr(wanted(policy, host))


@pytest.mark.parametrize("host", HOSTS)
def test_order_of_the_policy_changes_nothing(policy: Policy, host: str) -> None:
    provider = policy.provider.model_copy(
        update={
            "technicians": policy.provider.technicians[::-1],
            "management": policy.provider.management[::-1],
        }
    )
    firewall = policy.firewall.model_copy(update={"services": policy.firewall.services[::-1]})
    otherwise = policy.model_copy(
        update={
            "provider": provider,
            "firewall": firewall,
            "people": policy.people[::-1],
            "hosts": policy.hosts[::-1],
        }
    )
    assert wanted(otherwise, host) == wanted(policy, host)
    assert policy_digest(otherwise) == policy_digest(policy)


@pytest.mark.parametrize("host", HOSTS)
def test_no_object_is_wanted_twice(policy: Policy, host: str) -> None:
    ids = [resource.id for resource in wanted(policy, host)]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("host", HOSTS)
def test_every_object_names_its_control(policy: Policy, host: str) -> None:
    assert all(resource.controls for resource in wanted(policy, host))


@pytest.mark.parametrize("host", HOSTS)
def test_what_can_lock_the_operator_out_goes_through_the_guard(policy: Policy, host: str) -> None:
    for resource in wanted(policy, host):
        if isinstance(resource, Package) or resource.concern in HARMLESS:
            assert not resource.risky
        else:
            assert resource.risky, resource.id


@pytest.mark.parametrize("host", HOSTS)
def test_every_reload_is_of_a_unit_that_is_looked_after(policy: Policy, host: str) -> None:
    resources = wanted(policy, host)
    units = {r.unit for r in resources if isinstance(r, Unit)}
    assert {unit for r in resources for unit in r.reloads} <= units


@pytest.mark.parametrize("host", HOSTS)
def test_key_folder_names_exactly_the_key_files(policy: Policy, host: str) -> None:
    resources = wanted(policy, host)
    (folder,) = (r for r in resources if isinstance(r, Directory) and r.path == KEY_FOLDER)
    files = [r.path for r in resources if isinstance(r, File) and KEY_FOLDER in r.path]
    assert sorted(files) == [f"{KEY_FOLDER}/{name}" for name in folder.only or ()]


@pytest.mark.parametrize("control", CONTROLS)
def test_nothing_is_wanted_without_what_it_needs_when_a_control_is_excepted(
    policy: Policy, control: str
) -> None:
    exception = ControlException(control=control, host=HOSTS[0], reason="x", expires=TODAY)
    everything = wanted(policy, HOSTS[0])
    left = wanted(policy.model_copy(update={"exceptions": (exception,)}), HOSTS[0])
    gone = {resource.id for resource in everything} - {resource.id for resource in left}
    needed = {f"unit:{unit}" for resource in left for unit in resource.reloads}
    for resource in left:
        if isinstance(resource, File):
            needed.add(f"directory:{resource.path.rpartition('/')[0]}")
        elif isinstance(resource, User):
            needed |= {f"group:{group}" for group in resource.groups}
    assert not needed & gone


def test_people_have_accounts_on_their_own_hosts_alone(policy: Policy) -> None:
    assert {"j.morel", "s.petit"} <= accounts(policy, "fauteuil-2").keys()
    assert "j.morel" not in accounts(policy, "accueil-1")
    assert {"t.leroy", "n.garnier", "rempart"} == accounts(policy, "srv-sftp").keys() - {
        "m.rivoire-adm"
    }


def test_leaver_has_no_account_from_the_day_after(policy: Policy) -> None:
    assert accounts(policy, "accueil-1", date(2027, 2, 26))["l.faure"].until == date(2027, 2, 26)
    gone = accounts(policy, "accueil-1", date(2027, 2, 27))["l.faure"]
    assert gone.left
    assert not gone.groups
    assert key_file(policy, "accueil-1", "l.faure", date(2027, 2, 27)) == ""


def test_key_opens_through_its_last_day_and_is_gone_the_day_after(policy: Policy) -> None:
    last = key_file(policy, "accueil-1", "m.rivoire", date(2036, 12, 31))
    assert last.startswith('expiry-time="20370101" ssh-ed25519 ')
    assert key_file(policy, "accueil-1", "m.rivoire", date(2037, 1, 1)) == ""


def test_only_administrators_may_use_sudo(policy: Policy) -> None:
    sudoers = {login for login, user in accounts(policy, "accueil-1").items()
               if "sudo" in user.groups}  # fmt: skip
    assert sudoers == {"t.leroy", "n.garnier", "m.rivoire-adm"}


def test_nobody_without_a_key_may_come_in_over_ssh(policy: Policy) -> None:
    assert accounts(policy, "fauteuil-2")["j.morel"].groups == ()
    assert key_file(policy, "fauteuil-2", "j.morel", TODAY) == ""


def test_automation_forwards_on_the_jump_host_alone(policy: Policy) -> None:
    assert "restrict,port-forwarding ssh" in key_file(policy, "srv-sftp", "rempart", TODAY)
    behind = key_file(policy, "accueil-1", "rempart", TODAY)
    assert behind.startswith('from="192.168.1.2/32",restrict ssh-ed25519 ')
