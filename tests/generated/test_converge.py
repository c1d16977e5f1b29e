"""Whatever a host was, after one apply it is as wanted, and after giving all up it is free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from journey import apply, drifted, observed, plan, stock, wanted
from machine import Machine
from policies import POLICIES, loaded

from rempart.engine import manifest
from rempart.hardening.kernel import ARP_IGNORE, SYSCTL_FILE
from rempart.policy import Policy
from rempart.resources import Resource


@dataclass(repr=False)
class Journey:
    """A host in any state, and what it should have."""

    policy: Policy
    machine: Machine
    resources: list[Resource]

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        changes = (change.label for change in plan(self.machine, self.resources))
        printer.text("\n".join([repr(self.machine), *changes]))


@st.composite
def journeys(draw: Any) -> Journey:
    policy = loaded(draw(POLICIES))
    host = draw(st.sampled_from(policy.hosts))
    return Journey(policy, draw(drifted(policy, host)), wanted(policy, host))


@given(journey=journeys())
def test_after_an_apply_the_plan_is_empty_and_what_is_wanted_is_owned(journey: Journey) -> None:
    machine, resources = journey.machine, journey.resources
    apply(machine, resources)
    assert plan(machine, resources) == []
    assert not machine.pending
    for name in machine.sysctls.keys() & {ARP_IGNORE}:
        expected = "1" if machine.strangers else "2"
        assert machine.sysctls[name] == expected
        assert f"{name} = {expected}\n" in machine.nodes[SYSCTL_FILE].content
    seen = observed(machine, resources)
    owned = manifest.load(seen)
    assert owned.keys() == {resource.id for resource in resources}
    assert manifest.releases(owned, resources, seen) == []


@given(journey=journeys())
def test_giving_everything_up_leaves_nothing_owned(journey: Journey) -> None:
    machine, resources = journey.machine, journey.resources
    apply(machine, resources)
    apply(machine, [])
    assert plan(machine, []) == []
    assert manifest.load(observed(machine, [])) == {}


@given(documents=POLICIES, data=st.data())
def test_hardening_given_up_leaves_the_host_as_it_was(documents: Any, data: st.DataObject) -> None:
    policy = loaded(documents)
    host = data.draw(st.sampled_from(policy.hosts))
    machine, before = stock(policy, host), stock(policy, host)
    apply(machine, wanted(policy, host))
    apply(machine, [])
    people = machine.users.keys() - before.users.keys()
    assert all(machine.users.pop(login).expires == "1" for login in people)
    for what in ("nodes", "sysctls", "interfaces", "packages", "groups", "overrides"):
        assert getattr(machine, what) == getattr(before, what), what
