"""Running the suite: one pytest process per host, several side by side, and what came out."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from importlib.resources import as_file, files
from pathlib import Path

import gevent
from gevent.lock import BoundedSemaphore

from rempart.controls import CONTROLS
from rempart.errors import RempartError, fault
from rempart.interrupt import interruptible
from rempart.policy import Host, Policy
from rempart.verify import attempt, sshconfig
from rempart.verify.checks import checks
from rempart.verify.proof import Record, one_line

HOST_S = 900
"""All checks of one host together; a host that delays every answer ends there."""

GRACE_S = 3
"""For a suite to take back what it has on the host, once it is to end."""

INTERRUPTED = "interrupted"

REACHED = "The host is reached"
ENDED = "The checks ran to their end"
KEY_SHOWN = "The host shows the pinned key"
_AT_ONCE = 2 * (os.cpu_count() or 1)


@dataclass(frozen=True)
class HostRecords:
    """All that was found about one host, ``practice/host``."""

    host: str
    records: tuple[Record, ...]
    excepted: dict[str, str]
    """Control -> "reason until DATE" of the exceptions that count today."""
    trouble: str = ""
    """Why the checks did not run to their end; then the host is not green, whatever is excepted."""

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
) -> tuple[list[HostRecords], int]:
    """Check the named hosts side by side; ``done`` hears of each host that is finished.

    Whatever happens with one host, the others' results are whole. Returned are the results, in the
    order of the names, and which signal cut them short, 0 for none: Ctrl-C, SIGTERM and SIGHUP end
    all checks within seconds, and what was judged until then is kept.

    Raises:
        RempartError: a control is unknown or has no check.
    """
    selected = _selected(controls)
    hosts = [policy.host(name) for name in names]
    room = BoundedSemaphore(_AT_ONCE)

    def one(host: Host) -> HostRecords:
        try:
            with room:
                return _verify_host(policy, host, selected, today)
        except gevent.GreenletExit:
            return _not_measured(policy, host, selected, today, INTERRUPTED)
        except RempartError as error:
            return _not_measured(policy, host, selected, today, str(error))
        except Exception as error:  # a fault of ours must not cost the other hosts their results
            return _not_measured(policy, host, selected, today, fault(error))

    jobs: dict[gevent.Greenlet, Host] = {}
    ended_by = 0
    with interruptible():
        try:
            jobs = {gevent.spawn(one, host): host for host in hosts}
            for job in gevent.iwait(list(jobs)):
                done(policy.host_id(jobs[job]))
        except KeyboardInterrupt as interrupt:
            ended_by = interrupt.args[0] if interrupt.args else signal.SIGINT
        finally:
            gevent.killall(list(jobs), block=False)
            while not all(job.dead for job in jobs):
                with suppress(KeyboardInterrupt):  # they leave nothing behind, within seconds
                    gevent.joinall(list(jobs))
    results = [
        job.value
        if isinstance(job.value, HostRecords)  # else it was ended before it began
        else _not_measured(policy, host, selected, today, INTERRUPTED)
        for job, host in jobs.items()
    ]
    return results, ended_by


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
        return _records(policy, host, today, _not_reached(controls, str(error)))
    return _records(policy, host, today, *_run_suite(policy, host, controls, today))


def _not_measured(
    policy: Policy, host: Host, controls: Iterable[str], today: date, why: str
) -> HostRecords:
    """Return what is known of a host whose checks did not run to their end: nothing."""
    return _records(policy, host, today, _unended(controls, why), one_line(why))


def _records(
    policy: Policy, host: Host, today: date, records: Sequence[Record], trouble: str = ""
) -> HostRecords:
    """Return a host's results with what the policy excepts."""
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
    return HostRecords(policy.host_id(host), (*records, *past), live, trouble)


def _not_reached(controls: Iterable[str], error: str) -> list[Record]:
    """Return a red record for every control; a changed host key is SS-2's own finding."""
    is_changed_key = "HOST KEY CHANGED" in error
    return [
        Record(control, KEY_SHOWN, "fail", "the pinned key", one_line(error), "key exchange")
        if is_changed_key and control == "SS-2"
        else Record(control, REACHED, "error", "a login", one_line(error), "attempt")
        for control in controls
    ]


def _unended(controls: Iterable[str], why: str) -> list[Record]:
    """Return a red record for every control of which it is not known whether all checks ran."""
    return [
        Record(control, ENDED, "error", "a result", one_line(why), "pytest") for control in controls
    ]


def _run_suite(
    policy: Policy, host: Host, controls: tuple[str, ...], today: date
) -> tuple[list[Record], str]:
    """Return what the checks found, and why they did not run to their end, '' where they did."""
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
        try:
            _close_connections(Path(folder))
        except gevent.GreenletExit:  # it comes once; what was found until then is whole
            _close_connections(Path(folder))
        # A line is whole with its end: whoever wrote it may have been killed.
        lines = evidence.read_text(encoding="utf-8").split("\n")[:-1]
    records = [Record(**json.loads(line)) for line in lines]
    answered = set() if trouble else {record.control for record in records}
    unanswered = [control for control in controls if control not in answered]
    return records + _unended(unanswered, trouble or "no check ran"), trouble


def _close_connections(folder: Path) -> None:
    """End the shared connections whose sockets lie in the folder; ssh would keep them a while."""
    for path in folder.iterdir():
        if path.is_socket():
            command = ["ssh", "-F", "none", "-S", str(path), "-O", "exit", "any"]
            with suppress(subprocess.TimeoutExpired):
                subprocess.run(command, capture_output=True, timeout=2, check=False)


def _pytest(suite: Path, options: list[str]) -> str:
    """Run the suite; return what went wrong with the run itself, nothing when it ended well."""
    # -I: neither the caller's folder nor PYTHONPATH counts; the checks are the shipped ones.
    command = [sys.executable, "-I", "-B", "-m", "pytest", "-c", str(suite / "pytest.ini")]
    plugins = ["-p", "no:cacheprovider", "-p", "rempart.verify.plugin"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "PYTHON"))}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    process = subprocess.Popen(
        [*command, *plugins, *options, str(suite)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        start_new_session=True,  # a terminal's Ctrl-C is for us, who end it
    )
    try:
        said, _ = process.communicate(timeout=HOST_S)
    except subprocess.TimeoutExpired:
        return f"the checks did not end within {HOST_S} s"
    except gevent.GreenletExit:
        return INTERRUPTED
    finally:
        _end(process)
    if process.returncode in (0, 1):  # all passed, or some failed
        return ""
    return one_line(f"exit {process.returncode}: {said[-200:].decode(errors='replace')}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a suite that still runs, and what it has started: asked first, so that it cleans up."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=GRACE_S)
    finally:  # also where somebody cannot wait so long
        with suppress(ProcessLookupError):  # its whole group: an ssh may be left
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout:
        process.stdout.close()
