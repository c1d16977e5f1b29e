"""What a policy answers, and which files are refused before they become one."""

import datetime
import pickle
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from rempart.errors import RempartError
from rempart.policy import Policy, PolicyError, find_mistakes, load

from .conftest import AUTOMATION, PRACTICE, PROVIDER

TODAY = datetime.date(2026, 11, 22)


@pytest.fixture
def policy(practice: Path) -> Policy:
    return load(practice)


def test_a_host_is_named_practice_slash_host(policy: Policy) -> None:
    assert policy.host_id(policy.host("ws-1")) == "durand/ws-1"


def test_an_unknown_host_is_refused_with_the_known_names(policy: Policy) -> None:
    with pytest.raises(RempartError, match=r"got 'ws-9'.*name one of ws-1, srv"):
        policy.host("ws-9")


def test_a_route_goes_through_the_jump_host_with_pinned_keys(policy: Policy) -> None:
    route = policy.route(policy.host("ws-1"))
    folder = policy.path.parent
    assert (route.name, route.address, route.user) == ("durand/ws-1", "192.168.1.10", "rempart")
    assert route.key_file == folder / "keys" / "automation"
    assert route.known_hosts == folder / "known_hosts" / "durand" / "ws-1"
    assert route.jump == policy.route(policy.host("srv"))
    assert route.jump.jump is None


def test_automation_arrives_from_the_management_networks(policy: Policy) -> None:
    assert policy.automation_sources(policy.host("srv")) == (ip_network("203.0.113.10/32"),)


def test_automation_arrives_from_inside_the_jump_host(policy: Policy) -> None:
    assert policy.automation_sources(policy.host("ws-1")) == (ip_network("192.168.1.2/32"),)


@pytest.mark.parametrize(
    ("today", "present"),
    [("2026-01-04", 0), ("2026-01-05", 1), ("2026-02-28", 1), ("2026-03-01", 0)],
)
def test_people_are_on_a_host_from_first_to_last_day(
    practice: Path, today: str, present: int
) -> None:
    dated = "    hosts: [ws-1]\n    from: 2026-01-05\n    until: 2026-02-28"
    practice.write_text(PRACTICE.replace("    hosts: [ws-1]", dated))
    policy = load(practice)
    day = datetime.date.fromisoformat(today)
    assert len(policy.people_on(policy.host("ws-1"), day)) == present
    assert not policy.people_on(policy.host("srv"), day)


def test_an_exception_counts_until_its_last_day(policy: Policy) -> None:
    host = policy.host("ws-1")
    assert policy.excepted(host, datetime.date(2030, 1, 31)) == {"SE-1"}
    assert policy.excepted(host, datetime.date(2030, 2, 1)) == frozenset()


def test_a_past_exception_is_a_mistake_in_check_alone(practice: Path) -> None:
    assert find_mistakes(practice, TODAY)[1] == []
    _, mistakes = find_mistakes(practice, datetime.date(2030, 2, 1))
    assert [mistake.path for mistake in mistakes] == ["exceptions[0].expires"]
    assert load(practice).exceptions


def test_a_section_of_the_provider_is_the_default(practice: Path) -> None:
    provider = practice.parent / "provider.yaml"
    provider.write_text(provider.read_text() + "defaults: {baseline: enhanced}\n")
    assert load(practice).baseline == "enhanced"
    practice.write_text(PRACTICE + "baseline: minimal\n")
    assert load(practice).baseline == "minimal"


def test_mdns_needs_neither_protocol_nor_ports_and_may_name_both(practice: Path) -> None:
    written = PRACTICE.replace("name: http\n      ports: [80]", "name: mdns")
    for text in (
        written,
        written.replace("mdns", "mdns\n      protocol: udp\n      ports: [5353]"),
    ):
        practice.write_text(text.replace("from: [10.0.0.0/8]", "from: [10.0.0.0/8, 'fe80::/64']"))
        (service,) = load(practice).firewall.services
        assert (service.protocol, service.ports) == ("udp", (5353,))
        assert service.from_ == (ip_network("10.0.0.0/8"), ip_network("fe80::/64"))


def test_no_is_text_as_in_yaml_1_2(practice: Path) -> None:
    practice.write_text(PRACTICE.replace("name: http", "name: no"))
    assert load(practice).firewall.services[0].name == "no"


def test_the_public_half_is_read_beside_the_private_key(practice: Path) -> None:
    provider = practice.parent / "provider.yaml"
    text = provider.read_text().replace(f"  public_key: {AUTOMATION} rempart\n", "")
    provider.write_text(text)
    with pytest.raises(
        PolicyError, match=r"provider.yaml:3: automation.public_key: cannot be read"
    ):
        load(practice)
    keys = practice.parent / "keys"
    keys.mkdir()
    (keys / "automation.pub").write_text(f"{AUTOMATION} beside\n")
    assert load(practice).provider.automation.public_key == f"{AUTOMATION} beside"


def test_a_policy_survives_pickling_and_has_plain_json(policy: Policy) -> None:
    assert pickle.loads(pickle.dumps(policy)) == policy
    assert '"from":["10.0.0.0/8"]' in policy.model_dump_json(by_alias=True)


TAB = r"is not YAML: found character '\t' that cannot start any token"
FILES = [
    (b"", "1: is empty; start from inventories/example.yaml"),
    (b"# nothing\n", "1: is empty; start from inventories/example.yaml"),
    (b"- a\n", "1: is not a mapping; write 'key: value' lines at the top level"),
    (b"a:\n\tb: 1\n", f"2: {TAB}; indent with spaces, not tabs"),
    (b"a: 1\nb: 2\na: 3\n", "3: the key 'a' stands twice; remove one"),
    (b"a: &a [1]\nb: *a\n", "1: uses an anchor or alias (&name, *name); write it out"),
    (b"a: {<<: {b: 1}}\n", "1: uses a merge key (<<); write it out"),
    (b"a: !!python/object:os.system x\n", "1: uses a tag (!name); remove it"),
    (b"%YAML 1.1\n---\na: no\n", "2: asks for another YAML version; remove the %YAML line"),
    (b"a: b\nc: \xff\n", "2: is not UTF-8 text; save it as UTF-8"),
    (b"[" * 5000, "1: is nested deeper than 20 levels; flatten it"),
    (b"[" + b"1," * 110_000 + b"]", "1: has over 100000 parts; write one file per practice"),
    (b"a" * (1024 * 1024 + 1), "1: is larger than 1 MiB; write one file per practice"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "expected"), FILES, ids=[e for _, e in FILES])
def test_a_file_that_cannot_be_a_policy_is_one_line(
    practice: Path, content: bytes, expected: str
) -> None:
    practice.write_bytes(content)
    with pytest.raises(PolicyError) as caught:
        load(practice)
    assert str(caught.value) == f"{practice}:{expected}"


@pytest.mark.parametrize(("name", "what"), [("none.yaml", "No such file"), (".", "is not a file")])
def test_a_path_without_a_file_is_one_line(practice: Path, name: str, what: str) -> None:
    with pytest.raises(PolicyError, match=what):
        load(practice.parent / name)


def test_a_broken_provider_file_names_both_files(practice: Path) -> None:
    (practice.parent / "provider.yaml").write_text("- a\n")
    with pytest.raises(PolicyError) as caught:
        load(practice)
    assert str(caught.value).splitlines() == [
        f"{practice}:4: provider: cannot be used (got 'provider.yaml'); see its mistake",
        f"{practice.parent}/provider.yaml:1: is not a mapping;"
        " write 'key: value' lines at the top level",
    ]


def test_the_error_survives_pickling(practice: Path) -> None:
    practice.write_text(PRACTICE.replace("SE-1", "SE-9"))
    with pytest.raises(PolicyError) as caught:
        load(practice)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.mistakes, str(again)) == (caught.value.mistakes, str(caught.value))


@pytest.mark.parametrize("number", ["0x" + "f" * 5000, "9" * 5000, "1e999", ".nan"])
def test_a_huge_number_is_told_in_one_line(practice: Path, number: str) -> None:
    practice.write_text(PRACTICE.replace("ports: [80]", f"ports: [{number}]"))
    with pytest.raises(PolicyError) as caught:
        load(practice)
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 300


def test_a_byte_order_mark_is_no_part_of_the_first_key(practice: Path) -> None:
    practice.write_text(PRACTICE, encoding="utf-8-sig")
    assert load(practice).practice.name == "durand"


# Values of the kinds that YAML gives, and strings that stand in policies.
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.dates(),
    st.text(max_size=20),
    st.sampled_from(["ws-1", "srv", "ssh-ed25519 AAAA", "-----BEGIN OPENSSH PRIVATE KEY-----"]),
)
JUNK = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


def _places(data: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    steps = (
        data.items()
        if isinstance(data, dict)
        else enumerate(data)
        if isinstance(data, list)
        else ()
    )
    return [place] * bool(place) + [
        p for key, value in steps for p in _places(value, (*place, key))
    ]


TEXTS = {"durand.yaml": PRACTICE, "provider.yaml": PROVIDER}
PLACES = [
    (file, place) for file, text in TEXTS.items() for place in _places(YAML(typ="safe").load(text))
]


def _refused_or_loaded(path: Path) -> None:
    try:
        load(path)
    except PolicyError as error:
        told = str(error)
    else:
        return
    assert told
    assert all(line.isprintable() for line in told.split("\n"))


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(where=st.sampled_from(PLACES), junk=JUNK)
def test_junk_anywhere_in_a_policy_is_told_and_never_a_traceback(
    practice: Path, where: tuple[str, tuple[Any, ...]], junk: Any
) -> None:
    changed, place = where
    yaml = YAML(typ="safe")
    for file, text in TEXTS.items():
        data = part = yaml.load(text)
        if file == changed:
            for step in place[:-1]:
                part = part[step]
            part[place[-1]] = junk
        with practice.with_name(file).open("w") as stream:
            yaml.dump(data, stream)
    _refused_or_loaded(practice)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(start=st.integers(0, len(PRACTICE)), length=st.integers(0, 40), junk=st.binary(max_size=20))
def test_damaged_text_is_told_and_never_a_traceback(
    practice: Path, start: int, length: int, junk: bytes
) -> None:
    text = PRACTICE.encode()
    practice.write_bytes(text[:start] + junk + text[start + length :])
    _refused_or_loaded(practice)
