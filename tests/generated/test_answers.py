"""Real hosts' answers, damaged in every way: an observation that works, or one printable reason."""

from __future__ import annotations

import base64
import io
import json
import lzma
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from policies import TODAY
from pyinfra.connectors.util import CommandOutput, OutputLine
from rich.console import Console

from rempart.cli.view import show_plan
from rempart.engine import manifest
from rempart.engine.observe import Unobserved, digest, parse
from rempart.engine.plan import HostPlan, Plan, host_plan
from rempart.engine.printable import printable, printable_lines
from rempart.engine.run import Run
from rempart.hardening import desired
from rempart.policy import Policy, load
from rempart.resources import KINDS, Observation, Resource, Setting

ANSWERS = Path(__file__).parent / "answers"
NAMES = sorted(path.stem for path in ANSWERS.glob("*.xz"))
RUBBISH = st.sampled_from(
    [b"\0", b"\x1b[2J", b"\x1b]0;owned\x07", b"\xff\xfe", b"\xc2\x9b31m", b"\r", b"\t", b"\t\t",
     b"\x0b", b"\xe2\x80\xae", b"\xed\xa0\x80", b"", b"-1", b"absent", b"9" * 5000, b"x" * 70_000,
     b"%s", b"[red]", b"'", b"81a4", b"-", b"=", b"\xc2\xb2", b"fe80::1%\x1b[2J"]
)  # fmt: skip
MORE = settings(max_examples=5 * settings().max_examples)
"""These cost little: no policy is loaded for them."""

Damage = Callable[[list[bytes]], list[bytes]]


@cache
def policy() -> Policy:
    return load(ANSWERS / "t.yaml")


@cache
def answer(name: str) -> bytes:
    return lzma.decompress((ANSWERS / f"{name}.xz").read_bytes())


@cache
def wanted(name: str) -> list[Resource]:
    """Return what the host should have of all that it was asked about when it was recorded."""
    host = policy().host(name[0])
    assert host.traits
    facts = {tuple(line.split("\t")[:2]) for line in answer(name).decode().splitlines()}
    return [r for r in desired(policy(), host, host.traits, TODAY) if _about(r) in facts]


def _about(resource: Resource) -> tuple[str, str]:
    if isinstance(resource, Setting):
        return "text", resource.path
    return resource.kind, resource.key


class Told(Run):
    """A run whose host says what a test wants; all else is the real one."""

    def __init__(self, name: str, output: bytes) -> None:
        lines = [OutputLine("stdout", line) for line in printable_lines(output)]
        host = SimpleNamespace(
            name=f"t/{name[0]}",
            data=SimpleNamespace(rempart_host=name[0]),
            run_shell_command=lambda command, **_: (True, CommandOutput(lines)),
        )
        super().__init__(SimpleNamespace(is_executing=False), host, policy(), TODAY)  # type: ignore
        self.__dict__["desired"] = wanted(name)


def planned(name: str, output: bytes) -> HostPlan:
    """Return the plan of a host that answers this; check all that anybody would see of it."""
    run = Told(name, output)
    made = host_plan(run)
    plan = Plan("/t.yaml", "digest", (made,))
    assert_harmless(plan.to_json())
    plan.to_json().encode()
    assert_harmless(shown(made))
    if made.error:
        assert "\n" not in made.error
        assert not made.changes
    else:
        "".join(change.script for change in run.changes).encode()
        digest(run.observation, run.desired)
        manifest.render(manifest.claimed(run.owned, run.desired, run.observation)).encode()
    return made


def shown(plan: HostPlan) -> str:
    console = Console(file=io.StringIO(), width=100)
    show_plan(console, [plan])
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def assert_harmless(text: str) -> None:
    for line in text.split("\n"):
        assert printable(line) == line


def test_answers_are_of_both_releases_before_and_after() -> None:
    assert NAMES == ["a-hardened", "a-stock", "b-hardened", "b-stock"]


@pytest.mark.parametrize("name", NAMES)
def test_whole_answer_is_an_observation(name: str) -> None:
    assert {resource.kind for resource in wanted(name)} == set(KINDS)
    seen = parse(printable_lines(answer(name)), wanted(name))
    assert isinstance(seen, Observation)
    changes = {change.id for change in planned(name, answer(name)).changes}
    files = {resource.id for resource in wanted(name) if resource.kind == "file"}
    assert bool(files & changes) == name.endswith("stock")


@MORE
@given(name=st.sampled_from(NAMES), place=st.floats(0, 1, exclude_max=True))
@example(name=NAMES[0], place=0.0)
def test_answer_cut_anywhere_is_never_a_plan(name: str, place: float) -> None:
    whole = answer(name).removesuffix(b"\n")
    made = planned(name, whole[: int(place * len(whole))])
    assert made.error


@given(name=st.sampled_from(NAMES), kept=st.integers(0, 50))
def test_answer_cut_and_ended_by_hand_is_never_a_plan(name: str, kept: int) -> None:
    lines = answer(name).splitlines()
    assert planned(name, b"\n".join([*lines[:kept], lines[-1]])).error


@st.composite
def damages(draw: Callable[[Any], Any]) -> Damage:
    """Return one way to damage the lines of an answer."""
    place, other = draw(st.tuples(st.floats(0, 1), st.floats(0, 1)))
    rubbish = draw(RUBBISH)
    what = draw(st.sampled_from(sorted(WAYS)))

    def damage(lines: list[bytes]) -> list[bytes]:
        last = len(lines) - 1
        return WAYS[what](list(lines), round(place * last), round(other * last), rubbish)

    return damage


def _swap(lines: list[bytes], one: int, two: int, rubbish: bytes) -> list[bytes]:
    lines[one], lines[two] = lines[two], lines[one]
    return lines


def _of_line(change: Callable[[list[bytes], int, bytes], None]) -> Any:
    def damage(lines: list[bytes], one: int, two: int, rubbish: bytes) -> list[bytes]:
        fields = lines[one].split(b"\t")
        change(fields, two % len(fields), rubbish)
        lines[one] = b"\t".join(fields)
        return lines

    return damage


def _flip(lines: list[bytes], one: int, two: int, rubbish: bytes) -> list[bytes]:
    line = bytearray(lines[one] or b"x")
    line[two % len(line)] ^= 1 << (two % 8)
    lines[one] = bytes(line)
    return lines


WAYS: dict[str, Any] = {
    "drop": lambda lines, one, two, rubbish: lines[:one] + lines[one + 1 :],
    "drop many": lambda lines, one, two, rubbish: lines[: min(one, two)] + lines[max(one, two) :],
    "repeat": lambda lines, one, two, rubbish: [*lines[:one], lines[two], *lines[one:]],
    "insert": lambda lines, one, two, rubbish: [*lines[:one], rubbish, *lines[one:]],
    "reverse": lambda lines, one, two, rubbish: lines[::-1],
    "swap": _swap,
    "flip": _flip,
    "field": _of_line(lambda fields, at, rubbish: fields.__setitem__(at, rubbish)),
    "grow": _of_line(lambda fields, at, rubbish: fields.__setitem__(at, fields[at] + rubbish)),
    "more fields": _of_line(lambda fields, at, rubbish: fields.insert(at, rubbish)),
    "fewer fields": _of_line(lambda fields, at, rubbish: fields.__delitem__(at)),
    "other kind": _of_line(lambda fields, at, rubbish: fields.__setitem__(0, b"user")),
}


@MORE
@given(name=st.sampled_from(NAMES), ways=st.lists(damages(), min_size=1, max_size=4))
def test_damaged_answer_is_a_plan_or_one_printable_reason(name: str, ways: list[Damage]) -> None:
    lines = answer(name).removesuffix(b"\n").split(b"\n")
    for damage in ways:
        lines = damage(lines)
    planned(name, b"\n".join(lines) + b"\n")


ODD = st.sampled_from(["\x9b31m", "\ud800", "\u202e", "\x1b[2J", "a\nb", "\0", "", "x", 5, None])


@MORE
@given(
    name=st.sampled_from([name for name in NAMES if "hardened" in name]),
    place=st.floats(0, 1),
    what=st.sampled_from(["concern", "risky", "digest", "original", "version", "reloads"]),
    value=ODD | st.lists(ODD, max_size=6),
    end=st.just("x") | ODD,
)
def test_damaged_manifest_is_a_plan_or_one_printable_reason(
    name: str, place: float, what: str, value: object, end: object
) -> None:
    """The damage is done to an object that no policy names, so that it would be given up."""
    lines = printable_lines(answer(name))
    (at,) = (at for at, line in enumerate(lines) if line.startswith("manifest\t"))
    document = json.loads(base64.b64decode(lines[at].split("\t")[2]))
    objects = document["objects"]
    key = sorted(objects)[round(place * (len(objects) - 1))]
    objects[f"{key}{end}"] = objects[key] | {what: value}
    encoded = base64.b64encode(json.dumps(document).encode()).decode()
    lines[at] = f"manifest\tjson\t{encoded}"
    planned(name, "\n".join([*lines, ""]).encode())


@given(name=st.sampled_from(NAMES), output=st.binary(max_size=200))
def test_any_bytes_are_one_printable_reason(name: str, output: bytes) -> None:
    assert planned(name, output).error
    assert isinstance(parse(printable_lines(output), wanted(name)), Unobserved)
