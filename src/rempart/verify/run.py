"""Running the suite: one pytest process per host, several side by side, and what came out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import date
from importlib.resources import as_file, files
from pathlib import Path

from rempart.controls import CONTROLS
from rempart.errors import RempartError
from rempart.policy import Host, Policy
from rempart.verify import attempt, sshconfig
from rempart.verify.checks import checks
from rempart.verify.proof import Record, one_line

HOST_S = 900
"""All checks of one host together; a host that delays every answer ends there."""

REACHED = "The host is reached"
KEY_SHOWN = "The host shows the pinned key"
_AT_ONCE = 2 * (os.cpu_count() or 1)


@dataclass(frozen=True)
class HostRecords:
    """All that was found about one host, ``practice/host``."""

    host: str
    records: tuple[Record, ...]
    excepted: dict[str, str]
    """Control -> "reason until DATE" of the exceptions that count today."""

    @property
    def is_reached(self) -> bool:
        """Return whether the checks ran at all."""
        return all(record.check != REACHED for record in self.records)

    def red(self, control: str | None = None) -> list[Record]:
        """Return the records, of one control or all, for which the host is not green."""
        return [
            record
            for record in self.records
            if record.is_red
            and record.control not in self.excepted
            and control in (None, record.control)
        ]


def checked_controls() -> tuple[str, ...]:
    """Return the controls that have a check, in the order of `CONTROLS`."""
    return tuple(checks())


def verify(
    policy: Policy,
    names: Iterable[str],
    controls: Sequence[str],
    today: date,
    done: Callable[[str], None] = lambda host: None,
) -> list[HostRecords]:
    """Check the named hosts side by side; ``done`` hears of each host that is finished.

    Raises:
        RempartError: a control is unknown or has no check.
    """
    selected = _selected(controls)
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        jobs = {
            pool.submit(_verify_host, policy, policy.host(name), selected, today): name
            for name in names
        }
        for job in as_completed(jobs):
            done(f"{policy.practice.name}/{jobs[job]}")
        return [job.result() for job in jobs]


def _selected(controls: Sequence[str]) -> tuple[str, ...]:
    known = checked_controls()
    for control in controls:
        if control not in known:
            what = "has no check yet" if control in CONTROLS else "is unknown"
            raise RempartError(
                f"verify: --control: {what} (got {control!r}); choose of {', '.join(known)}"
            )
    return tuple(control for control in known if not controls or control in controls)


def _verify_host(policy: Policy, host: Host, controls: tuple[str, ...], today: date) -> HostRecords:
    try:
        attempt.log_in(policy.route(host))
    except RempartError as error:
        records = _not_reached(controls, str(error))
    else:
        records = _run_suite(policy, host, controls, today)
    exceptions = [each for each in policy.exceptions if each.host == host.name]
    past = [
        Record(
            each.control,
            "Its exception has not run out",
            "fail",
            "a last day to come",
            one_line(f"{each.reason}, until {each.expires}"),
            "policy",
        )
        for each in exceptions
        if not each.is_live(today) and each.control in CONTROLS
    ]
    live = {e.control: f"{e.reason} until {e.expires}" for e in exceptions if e.is_live(today)}
    return HostRecords(policy.host_id(host), (*records, *past), live)


def _not_reached(controls: Iterable[str], error: str) -> list[Record]:
    """Return a red record for every control; a changed host key is SS-2's own finding."""
    is_changed_key = "HOST KEY CHANGED" in error
    return [
        Record(control, KEY_SHOWN, "fail", "the pinned key", one_line(error), "key exchange")
        if is_changed_key and control == "SS-2"
        else Record(control, REACHED, "error", "a login", one_line(error), "attempt")
        for control in controls
    ]


def _run_suite(policy: Policy, host: Host, controls: tuple[str, ...], today: date) -> list[Record]:
    with (
        tempfile.TemporaryDirectory(prefix="rempart-verify-") as folder,
        as_file(files("rempart.verify").joinpath("suite")) as suite,
    ):
        evidence = Path(folder) / "evidence"
        evidence.touch()
        options = [
            f"--inventory={policy.path}",
            f"--hostname={host.name}",
            f"--ssh-config={sshconfig.write(policy, Path(folder))}",
            f"--today={today}",
            f"--evidence={evidence}",
            *(f"--control={control}" for control in controls),
        ]
        trouble = _pytest(suite, options)
        _close_connections(Path(folder))
        records = [Record(**json.loads(line)) for line in evidence.read_text().splitlines()]
    answered = set() if trouble else {record.control for record in records}
    what = trouble or "no check ran"
    return records + [
        Record(control, "The checks ran to their end", "error", "a result", what, "pytest")
        for control in controls
        if control not in answered
    ]


def _close_connections(folder: Path) -> None:
    """End the shared connections whose sockets lie in the folder; ssh would keep them a while."""
    for path in folder.iterdir():
        if path.is_socket():
            command = ["ssh", "-F", "none", "-S", str(path), "-O", "exit", "any"]
            subprocess.run(command, capture_output=True, timeout=10, check=False)


def _pytest(suite: Path, options: list[str]) -> str:
    """Run the suite; return what went wrong with the run itself, nothing when it ended well."""
    # -I: neither the caller's folder nor PYTHONPATH counts; the checks are the shipped ones.
    command = [sys.executable, "-I", "-B", "-m", "pytest", "-c", str(suite / "pytest.ini")]
    plugins = ["-p", "no:cacheprovider", "-p", "rempart.verify.plugin"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "PYTHON"))}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        ended = subprocess.run(
            [*command, *plugins, *options, str(suite)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            timeout=HOST_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"the checks did not end within {HOST_S} s"
    if ended.returncode in (0, 1):  # all passed, or some failed
        return ""
    return one_line(f"exit {ended.returncode}: {ended.stdout[-200:].decode(errors='replace')}")
