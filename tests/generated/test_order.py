"""The order in which people, hosts and all else stand in a policy changes nothing on any host."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from journey import observed, stock, wanted
from policies import POLICIES, Document, loaded

from rempart.engine.diff import diff
from rempart.engine.journal import policy_digest
from rempart.engine.observe import script
from rempart.enroll.account import script as enrolment
from rempart.policy import Policy


def shuffled(draw: Any, value: Any) -> Any:
    """Return the same policy with the entries of its lists in another order."""
    if isinstance(value, dict):
        return {key: shuffled(draw, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shuffled(draw, inner) for inner in draw(st.permutations(value))]
    return value


def effects(policy: Policy) -> dict[str, object]:
    """Return the policy's digest and all that reaches each host, enrolment too."""
    found: dict[str, object] = {"digest": policy_digest(policy)}
    for host in policy.hosts:
        resources = wanted(policy, host)
        changes = diff(resources, observed(stock(policy, host), resources))
        found[host.name] = (script(resources), changes, [c.script for c in changes])
        found[f"enrol {host.name}"] = enrolment(policy, host)
    return found


@given(documents=POLICIES, data=st.data())
def test_order_of_a_policy_changes_nothing(
    documents: dict[str, Document], data: st.DataObject
) -> None:
    as_written = effects(loaded(documents))
    otherwise = effects(loaded(shuffled(data.draw, documents)))
    assert [what for what in as_written if as_written[what] != otherwise[what]] == []
