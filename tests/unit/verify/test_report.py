"""What becomes of results: cells, lines, exit code, JSON and JUnit."""

import dataclasses
from xml.etree import ElementTree

import pytest

from rempart.controls import CONTROLS
from rempart.verify import report
from rempart.verify.proof import Proof, Record, UnmetError
from rempart.verify.run import ENDED, REACHED, HostRecords, checked_controls

GOOD = Record("SS-1", "Keys only", "pass", "no", "no", "sshd -T")
BAD = Record("SS-1", "Keys only", "fail", "no", "yes", "sshd -T")
UNANSWERED = Record("UP-1", "Updates", "error", "an answer", "exit 1", "apt")
NEEDLESS = Record("DR-1", "Audit", "n/a", "nothing on this host", "no kernel of its own", "stat")
NOTE = Record("AC-1", "Unknown accounts", "info", "for information", "admin", "getent")


def host(*records: Record, **excepted: str) -> HostRecords:
    """Return the results of one host."""
    return HostRecords("t/a", records, {k.replace("_", "-"): v for k, v in excepted.items()})


def test_one_bad_check_makes_the_control_red() -> None:
    assert report.state(host(GOOD, BAD), "SS-1") == "FAIL"
    assert not report.is_ok([host(GOOD, BAD)])


def test_check_without_an_answer_is_red() -> None:
    assert report.state(host(GOOD, UNANSWERED), "UP-1") == "ERROR"
    assert not report.is_ok([host(GOOD, UNANSWERED)])


def test_host_that_was_not_reached_is_red() -> None:
    result = host(Record("SS-1", REACHED, "error", "a login", "no answer within 10 s", ""))
    assert report.state(result, "SS-1") == "not reached"
    assert not report.is_ok([result])


def test_host_that_was_not_checked_to_the_end_is_not_green() -> None:
    """Whatever is excepted, and whatever was found until then."""
    lost = Record("SS-1", ENDED, "error", "a result", "interrupted", "pytest")
    excepted = {"SS-1": "an old printer until 2027-01-31"}
    result = HostRecords("t/a", (GOOD, lost), excepted, "interrupted")
    assert not report.is_ok([result])
    line, style = report.lines([result])[-1]
    assert line == "1 host, 2 checks, 1 NOT MEASURED TO THE END"
    assert style == "red"
    plain = dataclasses.replace(result, excepted={})
    assert report.state(plain, "SS-1") == "not measured"
    assert ("t/a: SS-1: not measured: interrupted", "red") in report.lines([plain])


def test_information_is_not_red() -> None:
    assert report.is_ok([host(GOOD, NOTE)])


def test_what_does_not_apply_is_not_taken_for_proven() -> None:
    result = host(GOOD, NEEDLESS)
    assert report.is_ok([result])
    assert report.state(result, "DR-1") == "n/a"
    assert report.state(host(NEEDLESS, dataclasses.replace(GOOD, control="DR-1")), "DR-1") == "pass"
    assert ("t/a: DR-1: Audit: does not apply: no kernel of its own", "dim") in report.lines(
        [result]
    )


def test_excepted_control_is_shown_and_not_red() -> None:
    result = host(BAD, SS_1="an old printer until 2027-01-31")
    assert report.state(result, "SS-1") == "exception"
    assert report.is_ok([result])
    assert ("t/a: SS-1: exception: an old printer until 2027-01-31", "yellow") in report.lines(
        [result]
    )
    assert report.as_data([result])["hosts"]["t/a"][0]["exception"]


def test_finding_says_expected_and_actual_in_one_line() -> None:
    (line, *_) = report.lines([host(BAD)])
    assert line == ("t/a: SS-1: Keys only: expected no, actual yes (sshd -T)", "red")


def test_controls_without_a_check_are_named() -> None:
    assert set(report.unchecked()) | set(checked_controls()) == set(CONTROLS)
    assert "BK-3" in report.lines([host(GOOD)])[-2][0]
    assert {"SS-1", "SS-2", "FW-1", "FW-2", "FW-3", "FW-5", "UP-1", "UP-2", "SF-2", "AC-5"} <= set(
        checked_controls()
    )


def test_junit_counts_failures_and_errors_apart() -> None:
    suite = ElementTree.fromstring(report.junit([host(GOOD, BAD, UNANSWERED)])).find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")


def test_hosts_beyond_the_terminals_width_get_a_table_of_their_own() -> None:
    results = [host(GOOD) for _ in range(20)]
    assert [len(table.columns) - 1 for table in report.tables(results, 80)] == [5, 5, 5, 5]


def test_proof_says_why_it_does_not_apply() -> None:
    proof = Proof()
    proof.does_not_apply("no kernel of its own", "stat")
    assert (proof.outcome, proof.actual) == ("n/a", "no kernel of its own")


def test_proof_keeps_a_hosts_output_harmless_and_short() -> None:
    proof = Proof()
    with pytest.raises(UnmetError):
        proof.that(False, "no", "\x1b[2J" + "x" * 1000 + "\n\x07", "ss")
    assert "\x1b" not in proof.actual
    assert len(proof.actual) == 300
