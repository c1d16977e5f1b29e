"""What auditors print is read as they mean it, and refused where they never print such a thing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scores import lynis, openscap, reason, report, sshaudit
from scores.audit import Audit
from scores.finding import AuditError, Finding

# Recorded: oscap 1.3.7 with ssg-debian 0.1.76, Lynis 3.0.8, ssh-audit 3.9.0; shortened.
PREFIX = "xccdf_org.ssgproject.content_rule_"
OPENSCAP = f"""---evaluation
{PREFIX}package_aide_installed|Install AIDE|fail
{PREFIX}package_sudo_installed|Install sudo Package|pass
{PREFIX}sudoers_no_root_target|Don't target root user in the sudoers file|fail
{PREFIX}security_patches_up_to_date|Ensure Software Patches Installed|notchecked
{PREFIX}audit_rules_time_stime|Record Attempts to Alter Time Through stime|notapplicable
"""
LYNIS = """# Lynis Report
report_version_major=1
suggestion[]=FILE-6310|To decrease the impact of a full /home, place it elsewhere|-|-|
suggestion[]=NETW-3200|Determine if protocol 'dccp' is really needed on this system|-|-|
suggestion[]=SSH-7408|Consider hardening SSH configuration|MaxSessions (set 10 to 2)|-|
suggestion[]=SSH-7408|Consider hardening SSH configuration|Port (set 22 to )|-|
warning[]=KRNL-5830|Reboot of system is most likely needed||text:reboot|
hardening_index=68
lynis_tests_done=250
"""
GROUP16 = "diffie-hellman-group16-sha512"
QUANTUM = "does not provide protection against post-quantum attacks"
SSH_AUDIT = json.dumps(
    {
        "banner": {"raw": "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10"},
        "kex": [
            {"algorithm": GROUP16, "notes": {"info": ["since 7.3"], "warn": [QUANTUM]}},
        ],
        "key": [{"algorithm": "ssh-ed25519", "keysize": 256, "notes": {"info": ["since 6.5"]}}],
        "enc": [{"algorithm": "aes256-gcm@openssh.com", "notes": {}}],
        "mac": [{"algorithm": "hmac-sha1", "notes": {"fail": ["broken SHA-1"], "warn": ["e&m"]}}],
    }
)


def test_openscap_s_rules_are_read_and_counted() -> None:
    rules = openscap.parse(OPENSCAP)
    assert openscap.count(rules) == {"pass": 1, "fail": 2}
    assert openscap.findings(rules)[0] == Finding(
        "openscap", "package_aide_installed", "Install AIDE"
    )


@pytest.mark.parametrize("outcome", ["error", "unknown"])
def test_a_rule_that_could_not_be_judged_is_not_passed(outcome: str) -> None:
    rules = openscap.parse(f"{PREFIX}package_aide_installed|Install AIDE|{outcome}\n")
    assert openscap.count(rules) == {"pass": 0, "fail": 1}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "---evaluation\n",
        f"{PREFIX}a|A|passed\n",
        f"{PREFIX}a|A|pass\n{PREFIX}a|A|fail\n",
        f"{PREFIX}a|A|pass\nSegmentation fault\n",
        f"{PREFIX}{'a' * 5000}|A|pass\n",
    ],
    ids=["nothing", "no-rule", "outcome", "twice", "other-line", "endless-name"],
)
def test_what_openscap_never_prints_is_no_score(text: str) -> None:
    with pytest.raises(AuditError):
        openscap.parse(text)


def test_lynis_report_has_an_index_and_findings_by_setting() -> None:
    read = lynis.parse(LYNIS)
    assert read.index == 68
    assert [each.rule for each in read.findings] == [
        *("FILE-6310", "KRNL-5830", "NETW-3200", "SSH-7408 MaxSessions", "SSH-7408 Port"),
    ]


@pytest.mark.parametrize("index", ["", "hardening_index=101", "hardening_index=7\n" * 2])
def test_a_lynis_report_without_one_index_is_no_score(index: str) -> None:
    with pytest.raises(AuditError):
        lynis.parse(f"suggestion[]=FILE-6310|text|-|-|\n{index}\n")


def test_ssh_audit_s_notes_are_counted_by_level() -> None:
    read = sshaudit.parse(SSH_AUDIT)
    assert [each.rule for each in read.fail] == ["hmac-sha1: broken SHA-1"]
    assert [each.rule for each in read.warn] == [f"{GROUP16}: {QUANTUM}", "hmac-sha1: e&m"]


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", "[" * 100_000, '{"kex": 1, "key": [], "enc": [], "mac": []}'),
        '{"kex": [], "key": [], "enc": [], "mac": []}',
        '{"kex": ["a"], "key": [], "enc": [], "mac": []}',
        '{"kex": [{"algorithm": "a", "notes": []}], "key": [], "enc": [], "mac": []}',
    ],
    ids=["nothing", "list", "empty", "deep", "number", "no-algorithm", "text", "notes"],
)
def test_what_ssh_audit_never_prints_is_no_score(text: str) -> None:
    with pytest.raises(AuditError):
        sshaudit.parse(text)


def test_nothing_that_a_host_says_reaches_the_terminal_raw() -> None:
    evil = "\x1b]0;gone\x07"
    rules = openscap.parse(f"{PREFIX}a|{evil}|fail\n")
    advice = lynis.parse(f"suggestion[]=A-1|{evil}|-|-|\nhardening_index=1\n")
    notes = sshaudit.parse(SSH_AUDIT.replace("hmac-sha1", json.dumps(evil)[1:-1]))
    shown = report.listing(
        reason.judge([*openscap.findings(rules), *advice.findings, *notes.fail], {})
    )
    assert "\x1b" not in "".join(shown)


def test_findings_are_held_against_reasons() -> None:
    disk = reason.Reason("disk layout", "no partition table is changed")
    todo = reason.Reason("todo", "later")
    some = reason.Reason("some hosts", "another network")
    reasons = {("a", "mend"): todo, ("a", "home"): disk, ("a", "gone"): disk, ("a", "far"): some}
    found = [Finding("a", name, "") for name in ("home", "mend", "new")]
    judged = reason.judge(found, reasons)
    assert list(judged.explained) == [disk, todo]
    assert judged.unexplained == [Finding("a", "new", "")]
    assert judged.stale == [("a", "gone")]


@pytest.mark.parametrize(
    ("kind", "rules"), [("lazy", '["a"]'), ("todo", '["a", "a"]')], ids=["kind", "twice"]
)
def test_a_mistake_in_the_reasons_is_refused(tmp_path: Path, kind: str, rules: str) -> None:
    file = tmp_path / "reasons.toml"
    file.write_text(f'[[reason]]\nauditor = "a"\nkind = "{kind}"\nwhy = "w"\nrules = {rules}\n')
    with pytest.raises(ValueError, match=r"reasons\.toml"):
        reason.load(file)


def test_the_reasons_of_this_repository_are_sound() -> None:
    assert {auditor for auditor, _ in reason.load()} == {"openscap", "lynis", "ssh-audit"}


def test_the_last_line_is_for_programs() -> None:
    profiles = dict.fromkeys(openscap.PROFILES, openscap.parse(OPENSCAP))
    audit = Audit(profiles, lynis.parse(LYNIS), sshaudit.parse(SSH_AUDIT))
    counts = {"pass": [1, 1], "fail": [2, 2]}
    assert json.loads(report.line(audit, audit)) == {
        "scores": {
            "lynis": [68, 68],
            **{f"bp28_{profile}": counts for profile in openscap.PROFILES},
            "ssh_audit": {"fail": [1, 1], "warn": [2, 2]},
        }
    }
