"""Whatever stands in a policy file: it is taken and does no harm, or refused with file and line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from journey import observed, stock, wanted
from policies import NASTY, POLICIES, TEXTS, Document, loaded
from recorder import calls

from rempart.engine.diff import diff
from rempart.policy import PolicyError

LINE = re.compile(r"\S*/(t|provider)\.yaml:[1-9]\d*: [^;]+.*; .+")
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXTS,
    st.text(st.characters(codec="utf-8"), max_size=8),
    st.sampled_from(["rempart-ssh", "audio", "root\n", "z\n", "\0", "\x1b[2J", "-oProxyCommand=x"]),
    st.tuples(st.sampled_from(NASTY), st.sampled_from(["z", "22", "10.0.0.1", "12:00"])).map(
        "".join
    ),
    st.lists(TEXTS, max_size=2),
    st.dictionaries(TEXTS, TEXTS, max_size=2),
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each place of the documents as (container, key or index)."""
    steps = value.items() if isinstance(value, dict) else enumerate(value)
    for step, inner in list(steps):
        yield value, step
        if isinstance(inner, dict | list):
            yield from places(inner)


@st.composite
def mangled(draw: Callable[[Any], Any]) -> dict[str, Document]:
    """Return the documents of a policy in which one to three values are something else."""
    documents: dict[str, Document] = draw(POLICIES)
    for _ in range(draw(st.integers(1, 3))):
        inside = [place for document in documents.values() for place in places(document)]
        container, step = draw(st.sampled_from(inside))
        container[step] = draw(VALUES)
    return documents


@given(documents=mangled())
def test_value_is_harmless_or_refused_by_file_and_line(documents: dict[str, Document]) -> None:
    try:
        policy = loaded(documents)
    except PolicyError as error:
        for line in str(error).split("\n"):
            assert LINE.fullmatch(line), line
            assert line.isprintable()
        return
    for host in policy.hosts:
        if host.traits:
            resources = wanted(policy, host)
            for change in diff(resources, observed(stock(policy, host), resources)):
                calls(change.script)
