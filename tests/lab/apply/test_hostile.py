"""A host whose answers are an attacker's: the run goes on, shows nothing raw, says unknown."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import practice
import pytest
from cabinet import Cabinet
from hostile import ESC, SHELLS, assert_harmless, be_itself, limited, pervert
from test_apply_refusals import one_line

from rempart import __version__

HEAD = f'"schema": 1, "rempart": "{__version__}"'
BROKEN = "{" + HEAD + ', "objects": %s}'
ENTRY = '{"concern": "x", "risky": false, "digest": "", "version": "1", "reloads": [], %s}'
MANIFESTS = {
    "no JSON": "\x1b[2J{",
    "a newer version": '{"schema": 99, "rempart": "\\u001b]0;owned\\u0007", "objects": {}}',
    "no objects": "{" + HEAD + "}",
    "a list of objects": BROKEN % "[]",
    "an unknown kind": BROKEN % ('{"daemon:x": %s}' % (ENTRY % '"original": []')),
    "an original of nothing": BROKEN % ('{"setting:/etc/x#y": %s}' % (ENTRY % '"original": []')),
    "an original that is no list": BROKEN % ('{"file:/etc/x": %s}' % (ENTRY % '"original": 5')),
    "a name with escape sequences": BROKEN
    % ('{"file:/etc/\\u001b[2J": %s}' % (ENTRY % '"original": []')),
    "depth without end": "[" * 200_000,
}  # fmt: skip


@pytest.fixture
def victim(cabinet: Cabinet) -> Iterator[Cabinet]:
    """The practice; `t/b` may be made hostile by `pervert` and is itself again afterwards."""
    cabinet.b.run("cp -a /var/lib/rempart/manifest.json /root/manifest.json")
    yield cabinet
    be_itself(cabinet.b)
    cabinet.b.run("cp -a /root/manifest.json /var/lib/rempart/manifest.json")


@pytest.mark.parametrize("shell", SHELLS)
def test_plan_of_a_hostile_host_is_its_error_alone(victim: Cabinet, shell: str) -> None:
    pervert(victim.b, SHELLS[shell])
    done = practice.rempart("plan", victim.inventory, preexec_fn=limited)
    assert_harmless(done)
    assert done.returncode == 1
    assert one_line(done.stderr).startswith("rempart: t/b: ")
    assert done.stdout == "0 changes, 1 of 2 hosts as wanted, 1 NOT PLANNED\n"


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_plan_with_a_hostile_manifest_is_that_hosts_error_alone(
    victim: Cabinet, manifest: str
) -> None:
    victim.b.run("cat > /var/lib/rempart/manifest.json", input=MANIFESTS[manifest])
    done = practice.rempart("plan", victim.inventory, preexec_fn=limited)
    assert_harmless(done)
    assert done.returncode == 1
    assert one_line(done.stderr).startswith("rempart: t/b: ")
    assert any(word in done.stderr for word in ("manifest", "makes no sense", "newer rempart"))
    assert done.stdout == "0 changes, 1 of 2 hosts as wanted, 1 NOT PLANNED\n"


def test_host_that_never_answers_is_its_error_alone(victim: Cabinet) -> None:
    """With a limit of 4 s in place of 300 s."""
    pervert(victim.b, "exec sleep infinity")
    program = (
        "from gevent import monkey; monkey.patch_all()\n"
        "from rempart.engine import connector; connector.DEFAULT_TIMEOUT_S = 4\n"
        "from rempart.cli import main; main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "plan", victim.inventory],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert "t/b: " in one_line(done.stderr)
    assert "no complete answer within 4 s" in done.stderr
    assert done.stdout == "0 changes, 1 of 2 hosts as wanted, 1 NOT PLANNED\n"


def test_escape_sequences_in_a_file_are_shown_harmless_in_its_diff(victim: Cabinet) -> None:
    path = "/etc/apt/apt.conf.d/52rempart"
    victim.b.run(
        f"cp -a {path} /root/52rempart; printf '// {ESC}\\302\\233 caf\\303\\251\\n' >> {path}"
    )
    try:
        done = practice.rempart("plan", victim.inventory)
        as_json = practice.rempart("plan", victim.inventory, "--json")
        plain = practice.run(
            "pyinfra", "inventories/fleet.py", "deploys/site.py", "--dry", "--diff", "--limit",
            "t/b", env={"PATH": "/usr/bin:/bin", "REMPART_INVENTORIES": str(victim.inventory)},
        )  # fmt: skip
    finally:
        victim.b.run(f"cp -a /root/52rempart {path}")
    assert done.returncode == 2, done.stderr
    assert_harmless(done)
    assert "-// \N{REPLACEMENT CHARACTER}]0;owned" in done.stdout
    assert "café" in done.stdout
    for said in (as_json.stdout, plain.stdout + plain.stderr):
        assert "owned" in said
        assert "\x1b]" not in said
        assert "\x9b" not in said


def test_apply_of_a_host_that_turns_hostile_is_its_error_alone(victim: Cabinet) -> None:
    for host in victim.hosts.values():
        host.run("echo '// by hand' >> /etc/apt/apt.conf.d/52rempart")
    assert victim.plan().returncode == 2
    # It observes well, then every change "fails" with escape sequences.
    pervert(
        victim.b,
        "script=$(cat); case $script in\n"
        "*'end\\tof\\tanswer'*) printf '%s\\n' \"$script\" | dash -s;;\n"
        f"*) head -c 60000 /dev/zero | tr '\\0' x >&2; printf '{ESC}\\n' >&2; exit 1;; esac",
    )
    done = victim.apply()
    assert_harmless(done)
    assert done.returncode == 1
    assert one_line(done.stderr).startswith("rempart: t/b: ")
    assert "t/a: 1 change made" in done.stdout
    assert "t/b: FAILED" in done.stdout
    be_itself(victim.b)
    assert practice.rempart("apply", victim.inventory, "--yes").returncode == 0


def test_plain_pyinfra_drops_a_hostile_host_alone(victim: Cabinet) -> None:
    pervert(victim.b, SHELLS["escape sequences"])
    done = practice.run(
        "pyinfra", "inventories/fleet.py", "deploys/site.py", "-y",
        env={"PATH": "/usr/bin:/bin", "REMPART_INVENTORIES": str(victim.inventory)},
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "t/b: not observed: line 1 of its answer makes no sense" in said
    assert "owned" not in said
    assert "Traceback" not in said
    assert "[\x1b[1mt/a\x1b[0m]" in said or "[t/a]" in said
