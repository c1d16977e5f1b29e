"""Enrolment of stock hosts, judged by the hosts' own tools."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import practice
import pytest

from lab import place, secret
from lab.host import Host
from lab.session import Session
from rempart.enroll.account import script
from rempart.policy import load

FreshHost = Callable[[str], Host]
NO_ACCOUNT = "! getent passwd rempart && ! test -e /etc/sudoers.d/rempart"


def enroll(inventory: Path, host: Host, *more: str, password: str = "", name: str = "a"):
    """Enrol one host with its right fingerprint; `password` defaults to its admin's."""
    return practice.rempart(
        "enroll", inventory, name, "--fingerprint", secret.fingerprint(host.spec),
        "--password-file", "-", *more, stdin=(password or host.admin_password) + "\n",
    )  # fmt: skip


def login(
    host: Host, command: str, *options: str, through: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Log in as the automation account with OpenSSH's client."""
    known_hosts = host.folder.parent / f".{host.spec.slug}-known_hosts"
    known_hosts.write_text("".join(f"{line}\n" for line in host.host_key_lines))
    key = place.KEYS / "automation"
    ssh = [
        *through,
        "ssh", "-F", "none", "-i", str(key), "-o", f"UserKnownHostsFile={known_hosts}",
        "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", *options,
    ]  # fmt: skip
    try:
        return subprocess.run(
            [*ssh, f"rempart@{host.address}", command],
            capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
    finally:
        known_hosts.unlink()


def snapshot(host: Host) -> str:
    """Return what enrolment could touch: accounts; files with modes, owners and times."""
    return host.run(
        "cat /etc/passwd /etc/group /etc/shadow /etc/gshadow; cat /etc/sudoers.d/*; "
        "find /etc/sudoers.d /var/lib/rempart-automation "
        "-type d -printf '%p %m %u %g\\n' -o -printf '%p %m %u %g %T@ %i\\n'",
        check=False,
    ).stdout


@pytest.fixture
def stock(fresh_host: FreshHost) -> Host:
    return fresh_host("debian-12")


@pytest.fixture
def inventory(tmp_path: Path, stock: Host) -> Path:
    return practice.write(tmp_path, {"a": stock})


@pytest.mark.parametrize(
    ("image", "language"), [("debian-12", "en_US.UTF-8"), ("debian-13", "fr_FR.UTF-8")]
)
def test_stock_host_gets_an_automation_account_with_sudo(
    fresh_host: FreshHost, tmp_path: Path, image: str, language: str
) -> None:
    host = fresh_host(image)
    host.run(f"echo LANG={language} > /etc/default/locale")
    inventory = practice.write(tmp_path, {"a": host})

    done = enroll(inventory, host)

    assert done.returncode == 0, done.stderr
    assert login(host, "sudo -n id -u").stdout == "0\n"
    allowed = host.run("sudo -l -U rempart").stdout
    assert "(ALL : ALL) NOPASSWD: ALL" in allowed
    assert "rempart-ssh" in host.run("id -nG rempart").stdout.split()
    assert host.run("getent shadow rempart").stdout.split(":")[1] == "*"
    traits = inventory.read_text().partition("traits:")[2]
    assert f'release: "{image.removeprefix("debian-")}"' in traits
    assert f'locale: "{language}"' in traits
    pinned = (tmp_path / "known_hosts" / "t" / "a").read_text()
    assert pinned.split()[1:] == host.host_key_lines[0].split()[1:]


def test_account_cannot_add_keys_or_open_a_terminal(stock: Host, inventory: Path) -> None:
    enroll(inventory, stock)
    assert login(stock, "echo x >> .ssh/authorized_keys").returncode != 0
    assert login(stock, "mv .ssh .old").returncode != 0
    assert "PTY allocation request failed" in login(stock, "tty", "-tt").stderr
    forward = login(stock, "true", "-W", "127.0.0.1:22")
    assert "prohibited" in forward.stderr
    files = stock.run("stat -c '%U %a' /etc/sudoers.d/rempart /var/lib/rempart-automation/.ssh/*")
    assert files.stdout == "root 440\nroot 644\n"
    assert stock.run("visudo -c").returncode == 0


def test_key_works_from_the_management_networks_only(
    lab: Session, stock: Host, inventory: Path
) -> None:
    enroll(inventory, stock)
    assert login(stock, "true").returncode == 0
    assert "Permission denied" in login(stock, "true", through=lab.outsider).stderr


def test_second_enrolment_changes_nothing_and_asks_no_password(
    stock: Host, inventory: Path
) -> None:
    enroll(inventory, stock)
    before, policy = snapshot(stock), inventory.read_text()

    again = practice.rempart("enroll", inventory, "--json")

    assert json.loads(again.stdout)["hosts"][0]["changes"] == []
    assert (snapshot(stock), inventory.read_text()) == (before, policy)


def test_half_made_account_is_completed(stock: Host, inventory: Path) -> None:
    enroll(inventory, stock)
    stock.run("rm /etc/sudoers.d/rempart; gpasswd -d rempart rempart-ssh")

    done = enroll(inventory, stock)

    assert done.returncode == 0, done.stderr
    assert login(stock, "sudo -n id -u").stdout == "0\n"
    assert "rempart-ssh" in stock.run("id -nG rempart").stdout


def test_failure_on_the_way_is_undone(stock: Host, inventory: Path) -> None:
    before = snapshot(stock)
    # The last step: the check of the sudoers draft fails.
    stock.run(r"printf '#!/bin/sh\necho no >&2; exit 1\n' > /usr/local/sbin/visudo")
    stock.run("chmod +x /usr/local/sbin/visudo")

    failed = enroll(inventory, stock)

    assert failed.returncode == 1
    assert "could not be made (got no)" in failed.stderr
    assert set(snapshot(stock).splitlines()) == set(before.splitlines())


def test_root_without_sudo_on_the_host_gets_it_installed(stock: Host, inventory: Path) -> None:
    stock.run("SUDO_FORCE_REMOVE=yes dpkg --purge sudo")
    stock.run("! command -v sudo")

    done = enroll(inventory, stock, "--user", "root", password=stock.root_password)

    assert done.returncode == 0, done.stderr
    assert login(stock, "sudo -n id -u").stdout == "0\n"


def test_sudoer_who_is_never_asked_leaves_no_password_behind(stock: Host, inventory: Path) -> None:
    """Where sudo asks nothing, a password on its stdin would be the command's first line."""
    stock.run("echo 'admin ALL=(ALL:ALL) NOPASSWD: ALL' > /etc/sudoers.d/admin")
    stock.run("echo 'Defaults log_input' > /etc/sudoers.d/log")

    assert enroll(inventory, stock).returncode == 0

    found = stock.run(
        "cd /var/log && find sudo-io -type f -exec zcat -f {} + | grep -c -F -f /proc/self/fd/0",
        input=stock.admin_password, check=False,
    )  # fmt: skip
    assert stock.run("find /var/log/sudo-io -type f | head -n 1").stdout
    assert found.stdout == "0\n"


@pytest.fixture
def watched() -> Iterator[dict[bytes, None]]:
    """Every process's arguments and environment, collected while the test runs."""
    seen: dict[bytes, None] = {}
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            for process in Path("/proc").glob("[0-9]*"):
                for part in ("cmdline", "environ"):
                    with contextlib.suppress(OSError):
                        seen[(process / part).read_bytes()] = None

    thread = threading.Thread(target=watch)
    thread.start()
    yield seen
    over.set()
    thread.join()


def test_password_is_in_no_process_list_and_no_file(
    stock: Host, inventory: Path, watched: dict[bytes, None]
) -> None:
    password = stock.admin_password
    done = enroll(inventory, stock)
    seen = b"\n".join(list(watched))
    # The watch works: it saw the controller's arguments, and sudo's on the host.
    assert bytes(inventory) in seen
    assert b"sudo\0-k\0-S" in seen
    assert password.encode() not in seen

    assert password not in done.stdout + done.stderr
    for file in inventory.parent.rglob("*"):
        assert not file.is_file() or password not in file.read_text()
    found = stock.run(
        "grep -rlaF -f - /etc /var /tmp /root /home /run/log /run/sudo", input=password, check=False
    )
    assert found.stdout == ""


@pytest.mark.parametrize(
    ("break_it", "password", "line"),
    [
        ("true", "wrong-password", "login refused"),
        # sudo asks for root's password here, and gets admin's.
        ("echo 'Defaults rootpw' > /etc/sudoers.d/x", "", "sudo refused the password"),
        ("gpasswd -d admin sudo", "", "may not use sudo"),
        ("SUDO_FORCE_REMOVE=yes dpkg --purge sudo", "", "has no sudo"),
        (
            "sed -i 's/^ID=.*/ID=ubuntu/; s/^VERSION_ID=.*/VERSION_ID=24.04/' /etc/os-release",
            "",
            "no lab image has passed for this distribution (got ubuntu 24.04)",
        ),
        ("mount -t tmpfs none /run/systemd", "", "PID 1 is not systemd"),
        ("useradd --create-home rempart", "", "the account exists and is not rempart's"),
    ],
)  # fmt: skip
def test_refusal_is_one_line_and_changes_nothing(
    stock: Host, inventory: Path, break_it: str, password: str, line: str
) -> None:
    stock.run(break_it)
    before = snapshot(stock)

    refused = enroll(inventory, stock, password=password)

    assert refused.returncode == 1
    assert line in refused.stderr
    assert refused.stderr.startswith("t/a: ")
    assert len(refused.stderr.splitlines()) == 1
    assert snapshot(stock) == before


@pytest.mark.parametrize("image", ["debian-12", "debian-13"])
def test_wrong_sudo_password_is_tried_once(
    fresh_host: FreshHost, tmp_path: Path, image: str
) -> None:
    """A second try would feed faillock, and sudo would take it from the script's first line."""
    host = fresh_host(image)
    host.run("echo 'Defaults rootpw' > /etc/sudoers.d/x")
    assert enroll(practice.write(tmp_path, {"a": host}), host).returncode == 1
    log = host.run("journalctl -t sudo --no-pager").stdout
    assert "1 incorrect password attempt ;" in log
    assert log.count("authentication failure") == 1


def test_wrong_login_password_is_tried_once(stock: Host, inventory: Path) -> None:
    assert enroll(inventory, stock, password="wrong-password").returncode == 1
    log = stock.run("journalctl -t sshd --no-pager").stdout
    assert log.count("Failed password for admin") == 1
    assert "Failed keyboard-interactive" not in log


def test_host_that_asks_for_the_password_its_own_way_is_enrolled(
    stock: Host, inventory: Path
) -> None:
    """keyboard-interactive, which is what is left where PasswordAuthentication is off."""
    options = "PasswordAuthentication no\nKbdInteractiveAuthentication yes\n"
    stock.run("cat > /etc/ssh/sshd_config.d/0.conf && systemctl reload ssh", input=options)
    assert enroll(inventory, stock).returncode == 0
    log = stock.run("journalctl -t sshd --no-pager").stdout
    assert "Accepted keyboard-interactive/pam for admin" in log


def test_script_that_is_cut_on_its_way_does_nothing(stock: Host, inventory: Path) -> None:
    policy = load(inventory)
    whole = script(policy, policy.host("a"))
    stock.run("sh -s", input=whole.removesuffix("main\n"))
    stock.run(NO_ACCOUNT)
    stock.run("sh -s", input=whole)
    assert stock.run(NO_ACCOUNT, check=False).returncode != 0


def test_wrong_fingerprint_sends_nothing(stock: Host, inventory: Path) -> None:
    wrong = "SHA256:" + "A" * 43
    refused = practice.rempart(
        "enroll", inventory, "a", "--fingerprint", wrong, "--password-file", "-",
        stdin=stock.admin_password,
    )  # fmt: skip
    assert refused.returncode == 1
    assert wrong in refused.stderr
    assert secret.fingerprint(stock.spec) in refused.stderr
    assert not (inventory.parent / "known_hosts").exists()
    assert no_login_was_tried(stock)


def test_unconfirmed_key_is_not_pinned_without_a_terminal(stock: Host, inventory: Path) -> None:
    refused = practice.rempart("enroll", inventory, "a", "--password-file", "-", stdin="x\n")
    assert refused.returncode == 1
    assert "--fingerprint" in refused.stderr
    assert not (inventory.parent / "known_hosts").exists()


def test_changed_host_key_is_refused_before_any_login(stock: Host, inventory: Path) -> None:
    enroll(inventory, stock)
    pinned = (inventory.parent / "known_hosts" / "t" / "a").read_text()
    stock.run("journalctl --rotate --vacuum-time=1s; rm /etc/ssh/ssh_host_*")
    stock.run("ssh-keygen -A && systemctl restart ssh")

    refused = practice.rempart("enroll", inventory, "a", "--password-file", "-", stdin="x\n")

    assert refused.returncode == 1
    assert "HOST KEY CHANGED" in refused.stderr
    assert (inventory.parent / "known_hosts" / "t" / "a").read_text() == pinned
    assert no_login_was_tried(stock)


def no_login_was_tried(host: Host) -> bool:
    time.sleep(0.2)  # journald is asynchronous
    log = host.run("journalctl --no-pager -t sshd -t sshd-session").stdout
    assert "Connection closed by" in log, "the log shows the connection"
    return not any(word in log for word in ("Failed", "Accepted", "Invalid user"))


def test_source_outside_the_management_networks_is_named(stock: Host, tmp_path: Path) -> None:
    inventory = practice.write(tmp_path, {"a": stock}, management=["192.0.2.0/24"])
    refused = enroll(inventory, stock)
    assert refused.returncode == 1
    assert "add 10.77.0.1 to the provider's 'management'" in refused.stderr
    stock.run(NO_ACCOUNT)


def test_host_behind_a_jump_host_is_enrolled_after_it(
    fresh_host: FreshHost, tmp_path: Path
) -> None:
    near, far = fresh_host("debian-12"), fresh_host("debian-13")
    # Named in the wrong order, and with a third host that is off.
    inventory = practice.write(tmp_path, {"far": far, "near": near}, jumps={"far": "near"})
    for host in (near, far):
        host.run("echo admin:one-for-both | chpasswd")
    fingerprints = [
        option
        for name, host in (("near", near), ("far", far))
        for option in ("--fingerprint", f"{name}={secret.fingerprint(host.spec)}")
    ]

    done = practice.rempart(
        "enroll", inventory, "--json", *fingerprints, "--password-file", "-",
        stdin="one-for-both\n",
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert [host["host"] for host in json.loads(done.stdout)["hosts"]] == ["t/near", "t/far"]
    log = far.run("journalctl --no-pager -t sshd-session").stdout
    assert f"Accepted publickey for rempart from {near.address}" in log
    assert " from 10.77.0.1 " not in log
    key = far.run("cat /var/lib/rempart-automation/.ssh/authorized_keys").stdout
    assert key.startswith(f'from="{near.address}/32",restrict ')


def test_failing_host_leaves_the_others_alone(
    fresh_host: FreshHost, stock: Host, tmp_path: Path
) -> None:
    dead = fresh_host("debian-12")
    inventory = practice.write(tmp_path, {"dead": dead, "a": stock})
    dead.kill()

    done = practice.rempart(
        "enroll", inventory, "--json", "--fingerprint", f"a={secret.fingerprint(stock.spec)}",
        "--password-file", "-", stdin=stock.admin_password,
    )  # fmt: skip

    assert done.returncode == 1
    outcomes = {host["host"]: host for host in json.loads(done.stdout)["hosts"]}
    assert outcomes["t/a"]["ok"] is True
    assert outcomes["t/dead"]["ok"] is False
    assert login(stock, "sudo -n id -u").stdout == "0\n"


def test_terminal_shows_the_fingerprint_and_never_the_password(
    stock: Host, inventory: Path
) -> None:
    """As a person does it: read the fingerprint, say yes, type the password."""
    screen = type_in(
        inventory,
        {"[y/N]: ": "y\n", "Password of admin@t/a: ": f"{stock.admin_password}\n"},
    )
    assert secret.fingerprint(stock.spec) in screen
    assert "t/a: enrolled" in screen
    assert stock.admin_password not in screen


def test_person_who_says_no_pins_nothing(stock: Host, inventory: Path) -> None:
    screen = type_in(inventory, {"[y/N]: ": "n\n"})
    assert "host key not confirmed" in screen
    assert not (inventory.parent / "known_hosts").exists()
    assert no_login_was_tried(stock)


def type_in(inventory: Path, answers: dict[str, str]) -> str:
    """Enrol on a terminal of its own, answer its prompts in turn, return the screen."""
    program = str(practice.BIN / "rempart")
    child, terminal = pty.fork()
    if child == 0:
        os.execv(program, [program, "enroll", str(inventory), "a"])
    screen, waiting = "", list(answers.items())
    with contextlib.suppress(OSError):  # EIO: the other end is closed
        while part := os.read(terminal, 4096):
            screen += part.decode()
            if waiting and screen.endswith(waiting[0][0]):
                os.write(terminal, waiting.pop(0)[1].encode())
    os.waitpid(child, 0)
    os.close(terminal)
    return screen
