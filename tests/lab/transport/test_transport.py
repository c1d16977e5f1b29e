"""The transport and the connector against real sshds, and against peers that are none."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import paramiko
import practice
import pytest

from lab import place, secret
from lab.host import Host
from rempart.engine.route import Route
from rempart.engine.transport import TransportError, connect
from rempart.errors import RempartError

MIB = 1024 * 1024
HostFactory = Callable[..., Host]


def open_to_root(host: Host) -> None:
    """Let the automation key log in as root: no enrolment, so that only the transport is tested."""
    public = (place.KEYS / "automation.pub").read_text()
    host.run("mkdir -p -m 700 /root/.ssh && cat > /root/.ssh/authorized_keys", input=public)


@pytest.fixture(scope="module")
def near(module_host: HostFactory) -> Host:
    host = module_host("debian-12")
    open_to_root(host)
    return host


@pytest.fixture(scope="module")
def far(module_host: HostFactory) -> Host:
    host = module_host("debian-13")
    open_to_root(host)
    return host


def route_to(host: Host, folder: Path, kind: str = "ed25519", jump: Route | None = None) -> Route:
    """Return a route with that one of the host's keys pinned, as OpenSSH writes it."""
    name = f"t/{host.name}"
    public = (secret.host_keys(host.spec) / f"ssh_host_{kind}_key.pub").read_text()
    known_hosts = folder / f"{host.name}.{kind}"
    known_hosts.write_text(f"{name} {' '.join(public.split()[:2])}\n")
    return Route(name, host.address, 22, "root", place.KEYS / "automation", known_hosts, jump)


@pytest.fixture
def route(near: Host, tmp_path: Path) -> Route:
    return route_to(near, tmp_path)


@pytest.fixture
def far_route(far: Host, route: Route, tmp_path: Path) -> Route:
    return route_to(far, tmp_path, jump=route)


def error_of(route: Route, timeout_s: float = 2) -> str:
    """Return the one line with which connecting fails."""
    with pytest.raises(RempartError) as caught:
        connect(route, timeout_s)
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    assert text.startswith(f"{route.name}: ")
    return text


def test_command_gives_both_streams_and_its_exit_status(route: Route) -> None:
    with connect(route) as connection:
        result = connection.run(r"cat; printf '\377\000' ; echo no >&2; exit 3", b"\xfe\n")
        assert (result.returncode, result.stdout, result.stderr) == (3, b"\xfe\n\xff\0", b"no\n")
        assert connection.run("kill -9 $$").returncode == -1
        assert connection.commands == 2


@pytest.mark.parametrize("path", ["route", "far_route"])
def test_big_input_and_big_output_do_not_wait_for_each_other(
    path: str, request: pytest.FixtureRequest
) -> None:
    data = os.urandom(12 * MIB)
    with connect(request.getfixturevalue(path)) as connection:
        # 4 MiB on stderr is twice the window that both streams share.
        result = connection.run(
            "head -c 4194304 /dev/zero >&2; cat", data, timeout_s=60, limit=16 * MIB
        )
        assert result.stdout == data
        assert len(result.stderr) == 64 * 1024
        assert connection.run("head -c 1 > /dev/null", data, timeout_s=60).returncode == 0


@pytest.mark.parametrize("stream", ["", ">&2"])
def test_endless_answer_is_an_error_and_no_short_answer(route: Route, stream: str) -> None:
    with connect(route) as connection:
        with pytest.raises(TransportError, match="longer than 1048576 bytes"):
            connection.run(f"cat /dev/zero {stream}", limit=MIB, timeout_s=30)
        with pytest.raises(TransportError, match="connection lost"):
            connection.run("true")


@pytest.mark.parametrize("command", ["sleep 60", "while :; do echo drip; sleep 0.2; done"])
def test_timeout_is_for_the_whole_command(route: Route, command: str) -> None:
    begin = time.monotonic()
    with (
        connect(route) as connection,
        pytest.raises(TransportError, match="no complete answer within 1 s"),
    ):
        connection.run(command, timeout_s=1)
    assert time.monotonic() - begin < 30


def test_host_that_hangs_up_is_no_exit_status(route: Route) -> None:
    with connect(route) as connection, pytest.raises(TransportError, match="connection lost"):
        connection.run("kill $PPID; sleep 60")


def test_wrong_host_key_stops_before_any_login(near: Host, far: Host, tmp_path: Path) -> None:
    wrong = replace(route_to(far, tmp_path), address=near.address)
    since = near.run("date '+%F %T.%N'").stdout.strip()[:-4]
    said = error_of(wrong)
    assert secret.fingerprint(near.spec) in said
    assert secret.fingerprint(far.spec) in said
    time.sleep(0.2)  # journald is asynchronous
    log = near.run(f"journalctl --no-pager -t sshd --since '{since}'").stdout
    assert "[preauth]" in log, "the log shows the connection"
    assert "root" not in log


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_only_the_pinned_kind_of_key_is_asked_for(near: Host, tmp_path: Path, kind: str) -> None:
    with connect(route_to(near, tmp_path, kind)) as connection:
        assert kind in connection.host_key.get_name()


def test_kind_of_key_that_is_gone_counts_as_changed(near: Host, tmp_path: Path) -> None:
    key = paramiko.ECDSAKey.generate(bits=384)
    route = route_to(near, tmp_path)
    route.known_hosts.write_text(f"{route.name} {key.get_name()} {key.get_base64()}\n")
    assert "HOST KEY CHANGED" in error_of(route)


def test_host_without_a_pinned_key_is_not_contacted(route: Route, tmp_path: Path) -> None:
    assert "rempart enroll" in error_of(replace(route, known_hosts=tmp_path / "none"))
    other = tmp_path / "other"
    other.write_text(route.known_hosts.read_text().replace(route.name, "u/x"))
    assert "rempart enroll" in error_of(replace(route, known_hosts=other))


def test_jump_carries_the_connection_and_is_itself_checked(
    far: Host, near: Host, far_route: Route, tmp_path: Path
) -> None:
    with connect(far_route) as connection:
        seen = connection.run("echo $SSH_CONNECTION").stdout.decode().split()[0]
        assert seen == near.address
    wrong = tmp_path / "wrong"
    wrong.write_text(far_route.known_hosts.read_text().replace(far_route.name, f"t/{near.name}"))
    assert far_route.jump is not None
    said = error_of(replace(far_route, jump=replace(far_route.jump, known_hosts=wrong)))
    assert said.startswith(f"{far_route.name}: jump host t/{near.name}: ")
    assert "HOST KEY CHANGED" in said


def test_each_failure_is_one_line_that_says_why(route: Route, far_route: Route) -> None:
    stranger = replace(route, key_file=place.KEYS / "stranger")
    assert "login refused" in error_of(stranger)
    assert "cannot be read" in error_of(replace(route, key_file=route.known_hosts))
    assert "connection refused" in error_of(replace(route, port=23))
    assert "opens no connection" in error_of(replace(far_route, port=23))
    assert "does not resolve" in error_of(replace(route, address="nowhere.invalid"))


def test_host_that_is_off_is_given_up_in_time(fresh_host: HostFactory, tmp_path: Path) -> None:
    host = fresh_host("debian-12")
    host.cut_network()
    begin = time.monotonic()
    error_of(route_to(host, tmp_path))
    assert time.monotonic() - begin < 10


def test_commands_do_not_wait_for_nagle(route: Route) -> None:
    with connect(route) as connection:
        option = connection.transport.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert option == 1


@contextmanager
def peer(behave: Callable[[socket.socket], object]) -> Iterator[int]:
    """Serve one connection on the loopback; give its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                connection, _ = server.accept()
                with connection, suppress(OSError):
                    behave(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def _repeat(data: bytes) -> Callable[[socket.socket], object]:
    def send(connection: socket.socket) -> None:
        while True:
            connection.sendall(data)

    return send


@pytest.mark.parametrize(
    "behave",
    [
        lambda connection: connection.recv(1000) and connection.recv(1000),
        lambda connection: None,
        lambda connection: connection.sendall(b"\x1b]0;owned\x07HTTP/1.1 400 Bad\r\n\r\n"),
        lambda connection: connection.sendall(b"SSH-2.0-\x1b[31mx\r\n" + os.urandom(4096)),
        lambda connection: connection.sendall(b"SSH-1.0-old\r\n"),
        _repeat(b"x" * 4096),
        _repeat(b"SSH-2.0-x\r\n"),
    ],
    ids=["silent", "closes", "web", "rubbish", "old", "endless line", "endless lines"],
)
def test_peer_that_is_no_sshd_is_one_clean_line(
    route: Route, behave: Callable[[socket.socket], object], capfd: pytest.CaptureFixture[str]
) -> None:
    begin = time.monotonic()
    with peer(behave) as port:
        said = error_of(replace(route, address="127.0.0.1", port=port))
    assert said.isprintable()
    assert time.monotonic() - begin < 8
    assert capfd.readouterr() == ("", "")


def test_flood_does_not_starve_others_under_gevent(route: Route) -> None:
    """A read that finds data does not switch greenlets: without care the timeout never comes."""
    program = f"""
from gevent import monkey
monkey.patch_all()
import sys, time
from pathlib import Path
from rempart.engine.route import Route
from rempart.engine.transport import TransportError, connect
begin = time.monotonic()
key, known = Path({str(route.key_file)!r}), Path({str(route.known_hosts)!r})
try:
    connect(Route({route.name!r}, "127.0.0.1", int(sys.argv[1]), "root", key, known), 1)
except TransportError:
    print(time.monotonic() - begin)
"""
    with peer(_repeat(b"x" * MIB)) as port:
        command = [sys.executable, "-c", program, str(port)]
        took = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert float(took.stdout) < 4


@pytest.fixture
def fleet(near: Host, far: Host, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run plain pyinfra on a practice of two enrolled hosts and one that does not exist."""
    hosts = {"near": near, "far": far}
    inventory = practice.enrolled(tmp_path, hosts, jumps={"far": "near"})
    off = {"name": "off", "role": "workstation", "address": "10.77.0.250"}
    practice.edit(inventory, lambda data: data["hosts"].append(off))
    script = Path(__file__).parents[3] / "inventories" / "fleet.py"

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"REMPART_INVENTORIES": str(inventory)}
        return practice.run("pyinfra", "-y", script, *arguments, env=environment, cwd=tmp_path)

    return run


def test_plain_pyinfra_runs_commands_and_drops_one_bad_host(
    fleet: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = fleet("exec", "--sudo", "--", "id -un; locale | grep LC_ALL; printf '\\033[31mred'")
    said = done.stdout + done.stderr
    assert re.search(r"\[t/off\] +t/off: ", said)
    assert "rempart enroll" in said
    for host in ("t/near", "t/far"):
        for line in ("root", "LC_ALL=C", "\N{REPLACEMENT CHARACTER}[31mred"):
            assert re.search(rf"^\[{host}\] +{re.escape(line)}$", said, re.MULTILINE)
    assert "Traceback" not in said


LINES = "server.shell(name='lines', commands=['cat > /tmp/lines'], _stdin=['a', 'b'])"
PUT = "files.put(name='put', src=StringIO('x'), dest='/tmp/x')"
SLOW = "server.shell(name='slow', commands=['sleep 60'], _timeout=1)"


@pytest.mark.parametrize(
    ("operation", "line"),
    [(PUT, "@rempart transfers no files"), (SLOW, "no complete answer within 1 s")],
)
def test_operation_that_fails_is_one_line_per_host(
    fleet: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
    near: Host,
    operation: str,
    line: str,
) -> None:
    imports = "from io import StringIO\nfrom pyinfra.operations import files, server\n"
    (tmp_path / "deploy.py").write_text(f"{imports}{LINES}\n{operation}\n")

    done = fleet("deploy.py")

    said = done.stdout + done.stderr
    assert near.run("cat /tmp/lines").stdout == "a\nb\n", "what came before was done"
    assert done.returncode == 1
    assert said.count(line) == 2
    assert "Traceback" not in said
    near.run("! test -e /tmp/x")
