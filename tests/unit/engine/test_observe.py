"""A host's answer: parsed when it is whole, refused with a reason when it is not, never a crash."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rempart.engine.diff import diff
from rempart.engine.observe import END, Unobserved, digest, parse, script
from rempart.resources import (
    Directory,
    File,
    Group,
    Observation,
    Package,
    Resource,
    Setting,
    Sysctl,
    Unit,
    User,
)

WANTED: list[Resource] = [
    Package(concern="x", package="tree"),
    Package(concern="x", package="telnet", present=False),
    Group(concern="x", group="g"),
    User(concern="x", login="u", comment="U", groups=("g",), managed=("sudo",)),
    Directory(concern="x", path="/etc/d", only=("f",)),
    File(concern="x", path="/etc/d/f", content="new\n"),
    File(concern="x", path="/etc/gone", content=None),
    Setting(concern="x", path="/etc/s", setting="A", value="1"),
    Sysctl(concern="x", setting="net.x", value="1"),
    Unit(concern="x", unit="a.timer", enabled=True, running=True, healthy="true"),
]
WHOLE = [
    "package\ttree\tabsent", "package\ttelnet\tinstalled\t1.0", "remv\ttelnet",
    "group\tg\tabsent", "user\tu\tabsent", "directory\t/etc/d\tabsent", "entry\t/etc/d/x\tf",
    "file\t/etc/d/f\t81a4\troot\troot\t4", "bytes\t/etc/d/f\tb2xkCg==", "file\t/etc/gone\tabsent",
    "text\t/etc/s\tQSAwCg==", "sysctl\tnet.x\t0", "unit\ta.timer\tloaded\tinactive\tdisabled",
    "healthy\ta.timer\tno", "way\tssh\t10.0.0.1 5 10.0.0.2 22", END,
]  # fmt: skip


def test_whole_answer_gives_the_changes() -> None:
    seen = parse(WHOLE, WANTED)
    assert isinstance(seen, Observation)
    assert [change.label for change in diff(WANTED, seen)] == [
        "Remove telnet",
        "Install tree",
        "Set A in /etc/s",
        "Make group g",
        "Set up account u",
        "Set up /etc/d/",
        "Write /etc/d/f",
        "Set net.x",
        "Enable and start a.timer",
    ]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([], "its answer was cut off"),
        (WHOLE[:-1], "its answer was cut off"),
        ([*WHOLE[:3], *WHOLE[4:]], "no answer about group:g"),
        (["hello", *WHOLE], "line 1 of its answer makes no sense"),
        (["group", *WHOLE], "line 1 of its answer makes no sense"),
        ([*WHOLE[:-1], "file\t/etc/d/f\tzz\troot\troot\t4", END], "its answer makes no sense"),
        ([*WHOLE[:-1], "bytes\t/etc/d/f\t%%%", END], "its answer makes no sense"),
        ([*WHOLE[:-1], "file\t/etc/d/f", END], "its answer makes no sense"),
        ([*WHOLE[:-1], "text\t/etc/s\t-", END], "/etc/s is longer than 64 KiB; shorten it there"),
        (
            [*(f"entry\t/{n}\tf" for n in range(1_001)), *WHOLE],
            "its answer about every entry is too long",
        ),
        ([f"residue\tu\t{'a,' * 40_000}", *WHOLE], "its answer about every residue is too long"),
        (
            [*WHOLE[:-1], "text\t/etc/s\t" + base64.b64encode(b"\n" * 3_001).decode(), END],
            "the files that it sent have more than 3000 lines",
        ),
    ],
)
def test_answer_that_is_not_whole_has_a_reason(lines: list[str], reason: str) -> None:
    answer = parse(lines, WANTED)
    assert isinstance(answer, Unobserved)
    assert answer.reason.startswith(reason)


@given(cut=st.integers(0, len("\n".join(WHOLE)) - 1))
def test_answer_cut_anywhere_is_never_a_whole_one(cut: int) -> None:
    assert isinstance(parse("\n".join(WHOLE)[:cut].split("\n"), WANTED), Unobserved)


FIELDS = st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=8)
FACTS = st.sampled_from([line.split("\t")[:2] for line in WHOLE[:-1]])


@given(
    mangled=st.lists(
        st.tuples(FACTS, st.lists(FIELDS, max_size=4)).map(lambda f: "\t".join([*f[0], *f[1]])),
        max_size=6,
    )
)
def test_no_answer_breaks_the_parsing_or_the_diff(mangled: list[str]) -> None:
    seen = parse([*WHOLE[:-1], *mangled, END], WANTED)
    if isinstance(seen, Observation):
        for resource in WANTED:
            resource.diff(seen)


def test_digest_tells_what_a_plan_is_made_from_and_no_more() -> None:
    before = digest(_seen(WHOLE), WANTED)
    for same in (
        [line.replace("10.0.0.1", "10.0.0.9") for line in WHOLE],
        ["guard\tarmed\tx", *WHOLE],
    ):
        assert digest(_seen(same), WANTED) == before
    for other in (
        [line.replace("net.x\t0", "net.x\t2") for line in WHOLE],
        ["pending\tssh.service", *WHOLE],
    ):
        assert digest(_seen(other), WANTED) != before


@pytest.mark.parametrize(("running", "counts"), [(None, False), (True, True), (False, True)])
def test_unit_that_may_run_or_not_makes_no_plan_stale(running: bool | None, counts: bool) -> None:
    unit = Unit(concern="x", unit="x.service", enabled=True, running=running)
    digests = {
        digest(Observation({"unit": {"x.service": ("loaded", state, "enabled")}}), [unit])
        for state in ("active", "activating", "inactive")
    }
    assert (len(digests) > 1) is counts
    off = Observation({"unit": {"x.service": ("loaded", "active", "disabled")}})
    assert digest(off, [unit]) not in digests


def _seen(lines: list[str]) -> Observation:
    seen = parse(lines, WANTED)
    assert isinstance(seen, Observation)
    return seen


def test_script_ends_with_the_mark_of_a_whole_answer() -> None:
    assert script(WANTED).endswith("printf 'end\\tof\\tanswer\\n'\n")


def test_script_is_the_same_whatever_the_order_of_the_resources() -> None:
    assert script(sorted(WANTED, key=lambda r: r.rank)) == script(WANTED)


@given(manifest=st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["schema", "objects", "rempart", "original", "file:/x", "setting:/x#y"]),
        inner, max_size=4,
    ),
    max_leaves=12,
))  # fmt: skip
def test_no_manifest_breaks_the_diff_otherwise_than_with_a_value_error(manifest: object) -> None:
    encoded = base64.b64encode(json.dumps(manifest).encode()).decode()
    seen = Observation(_seen(WHOLE).facts | {"manifest": {"json": (encoded,)}})
    try:
        diff(WANTED, seen)
    except (ValueError, LookupError):
        return
