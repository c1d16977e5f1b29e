"""The event: who runs when, on which hosts.

The contestants take turns, one run each per round: a machine that is slow for a while is slow for
all of them.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import field
from bench.contestants import PREPARE, rempart
from bench.contestants.base import Contestant, Judge
from bench.field import Field, Target
from bench.measure import Done, Sample, median
from bench.measure import run as measured
from lab.session import Session

Line = dict[str, Any]


class Invalid(Exception):
    """A run that does not count: its contestant failed, or did something else than it should."""


@dataclass(frozen=True)
class Programme:
    """What is run: numbers of hosts for each benchmark, rounds, contestants beside rempart."""

    plans: Sequence[int]
    first_applies: Sequence[int]
    rounds: int
    peers: Sequence[str]


def run(lab: Session, folder: Path, programme: Programme) -> Iterator[Line]:
    """Boot the hosts, run everything, and yield the result lines.

    Raises:
        Invalid: there is nothing to compare.
    """
    plans, firsts, rounds = programme.plans, programme.first_applies, programme.rounds
    count = max([*plans, *firsts])
    say(f"{count} hosts: boot, enrol")
    ground = field.enrolled(lab, folder, count, field.STOCK if firsts else field.READY)
    everybody = [PREPARE[name](ground) for name in ["rempart", *programme.peers]]
    if firsts:
        field.keep_as_they_are(ground, ground.targets[: max(firsts)])
    for size in firsts:
        yield _first_apply(ground, everybody, ground.targets[:size], rounds)
    if plans:
        say(f"{max(plans)} hosts: harden")
        _apply(ground, everybody[0], ground.targets[: max(plans)])
    for size in plans:
        yield _noop_plan(everybody, ground.targets[:size], rounds)


def _noop_plan(everybody: Sequence[Contestant], targets: Sequence[Target], rounds: int) -> Line:
    """Plan hosts that are as wanted."""
    commands = _commands_per_host(everybody[0], targets)
    title = f"noop-plan, hosts: {len(targets)}"
    runs = {each.name: lambda each=each: _plan(each, targets) for each in everybody}
    results = _compete(title, runs, rounds)
    line = {"bench": "noop-plan", "hosts": len(targets), **_costs(results)}
    return line | {"ssh_commands_per_host": commands, "peak_mb": _peak(results)}


def _first_apply(
    ground: Field, everybody: Sequence[Contestant], targets: Sequence[Target], rounds: int
) -> Line:
    """Harden stock hosts that are enrolled, each contestant from the same disks."""

    def afresh(contestant: Contestant) -> Sample:
        field.roll_back(targets)
        return _apply(ground, contestant, targets)

    title = f"first-apply, hosts: {len(targets)}"
    runs = {each.name: lambda each=each: afresh(each) for each in everybody if each.apply}
    results = _compete(title, runs, rounds)
    line = {"bench": "first-apply", "hosts": len(targets), **_costs(results)}
    return line | {"peak_mb": _peak(results)}


def _compete(
    title: str, runs: Mapping[str, Callable[[], Sample]], rounds: int
) -> dict[str, Sample]:
    """Return each contestant's medians; the rounds are told as they come."""
    samples = defaultdict(list)
    for number in range(1, rounds + 1):
        for name, one in runs.items():
            sample = one()
            samples[name].append(sample)
            times = f"{sample.wall_s:.2f} s, processor {sample.cpu_s:.2f} s"
            say(f"{title}, round {number}: {name}: {times}")
    return {name: median(each) for name, each in samples.items()}


def _costs(results: Mapping[str, Sample]) -> dict[str, float]:
    walls = {f"{name}_s": round(sample.wall_s, 3) for name, sample in results.items()}
    return walls | {f"{name}_cpu_s": round(sample.cpu_s, 3) for name, sample in results.items()}


def _peak(results: Mapping[str, Sample]) -> float:
    return round(results["rempart"].peak_mb, 1)


def _plan(contestant: Contestant, targets: Sequence[Target]) -> Sample:
    done = _run(contestant, contestant.plan(targets))
    _check(contestant, contestant.nothing_to_do, done, targets)
    return done.sample


def _apply(ground: Field, contestant: Contestant, targets: Sequence[Target]) -> Sample:
    """Apply, and let rempart look whether the hosts are as wanted, whoever changed them."""
    assert contestant.apply
    assert contestant.applied
    done = _run(contestant, contestant.apply(targets))
    _check(contestant, contestant.applied, done, targets)
    seen = _run(contestant, rempart.inspection(ground, targets))
    _check(contestant, rempart.only_the_manifest_is_missing, seen, targets)
    return done.sample


def _run(contestant: Contestant, command: Sequence[str]) -> Done:
    try:
        return measured(command, contestant.folder, contestant.environment)
    finally:
        contestant.tidy()


def _check(contestant: Contestant, judge: Judge, done: Done, targets: Sequence[Target]) -> None:
    wrong = judge(done, targets)
    if wrong:
        raise Invalid(f"{contestant.name}: {len(targets)} hosts: does not count: {wrong}")


def _commands_per_host(contestant: Contestant, targets: Sequence[Target]) -> int:
    """Return the largest number of commands that a plan took on one host, by its sshd's word."""
    places = [(target.host, field.journal_end(target.host)) for target in targets]
    _plan(contestant, targets)
    return max(field.sessions(host, place) for host, place in places)


def say(text: str) -> None:
    """Tell people what is going on."""
    print(f"bench: {text}", file=sys.stderr, flush=True)
