"""What a review found to slip through: packages, leavers, foreign sshd lines, flushed rules."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import practice
import pytest
from cabinet import Cabinet
from test_apply_refusals import one_line

from lab.host import Host
from rempart.engine.remote import shell
from rempart.resources.base import call

UNWANTED = "tnftp"
DEPENDENT = "tnftp-menu"
DROP_IN = "/etc/ssh/sshd_config.d/00-rempart.conf"
GUARD = "/var/lib/rempart/guard"


@pytest.fixture
def undo(cabinet: Cabinet) -> Iterator[ExitStack]:
    """What a test registers here is undone after it, then policy and hosts are as they were."""
    text = cabinet.inventory.read_text()
    with ExitStack() as stack:
        yield stack
    cabinet.inventory.write_text(text)
    done = practice.rempart("apply", cabinet.inventory, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr


def apply(cabinet: Cabinet) -> None:
    done = practice.rempart("apply", cabinet.inventory, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr


def install(host: Host, package: str, depends: str = "") -> None:
    """Build a package with a conffile, which says so when it is purged, and install it."""
    control = f"Package: {package}\nVersion: 99\nArchitecture: all\nMaintainer: Lab <lab@x>\n"
    control += f"Description: lab\n{depends and f'Depends: {depends}'}\n"
    conffile = f"etc/{package}.conf"
    postrm = f'#!/bin/sh\n[ "$1" != purge ] || touch /root/{package}.purged\n'
    host.run(
        "rm -rf /root/build; mkdir -p /root/build/DEBIAN /root/build/etc;"
        f" touch /root/build/{conffile}"
    )
    for name, content in {
        "control": control,
        "conffiles": f"/{conffile}\n",
        "postrm": postrm,
    }.items():
        host.run(f"cat > /root/build/DEBIAN/{name}", input=content)
    host.run("chmod 755 /root/build/DEBIAN/postrm; dpkg-deb -b /root/build /root/build.deb")
    host.run("dpkg -i /root/build.deb; rm -rf /root/build /root/build.deb")


def installed(host: Host) -> set[str]:
    """Return which of the two packages are there, asked of dpkg."""
    query = f"dpkg-query -W -f '${{db:Status-Status}} ${{Package}}\\n' {UNWANTED} {DEPENDENT}"
    lines = host.run(query, check=False).stdout.splitlines()
    return {line.split()[1] for line in lines if line.startswith("installed ")}


PURGE = f"dpkg --purge {DEPENDENT} {UNWANTED}; rm -f /root/*.purged"


def test_package_that_came_after_the_plan_does_not_go_unreviewed(
    cabinet: Cabinet, undo: ExitStack
) -> None:
    host = cabinet.a
    undo.callback(host.run, PURGE)
    install(host, UNWANTED)
    assert cabinet.plan("--host", "a").returncode == 2
    install(host, DEPENDENT, depends=UNWANTED)
    refused = cabinet.apply()
    assert refused.returncode == 1
    assert "would now make other changes than the plan shows; nothing was done" in one_line(
        refused.stderr
    )
    assert installed(host) == {UNWANTED, DEPENDENT}
    # It came later still: between the run's observation and apt.
    late = host.run(shell("lib") + call("apt_remove", f"{UNWANTED} ", UNWANTED), check=False)
    assert late.returncode == 1
    assert f"would remove {UNWANTED} {DEPENDENT} (reviewed: {UNWANTED} )" in late.stderr
    assert installed(host) == {UNWANTED, DEPENDENT}

    plan = cabinet.plan("--host", "a")
    assert f"    - {DEPENDENT} (depends on it)" in plan.stdout.splitlines()
    done = cabinet.apply()
    assert done.returncode == 0, done.stdout + done.stderr
    assert installed(host) == set()


def test_removed_package_is_not_purged(cabinet: Cabinet, undo: ExitStack) -> None:
    undo.callback(cabinet.a.run, PURGE)
    install(cabinet.a, UNWANTED)
    apply(cabinet)
    assert installed(cabinet.a) == set()
    assert cabinet.a.run(f"ls /etc/{UNWANTED}.conf").returncode == 0
    assert cabinet.a.run("ls /root/*.purged", check=False).stdout == ""


def test_excepted_control_is_left_alone_on_that_host_only(
    cabinet: Cabinet, undo: ExitStack
) -> None:
    for host in cabinet.hosts.values():
        undo.callback(host.run, PURGE)
        install(host, UNWANTED)
    exception = {"control": "SF-2", "host": "a", "reason": "Scanner", "expires": "2036-12-31"}
    practice.edit(cabinet.inventory, lambda policy: policy.update(exceptions=[exception]))
    planned = practice.planned(cabinet.inventory)
    assert f"Remove {UNWANTED}" not in planned["t/a"]
    assert f"Remove {UNWANTED}" in planned["t/b"]
    apply(cabinet)
    assert installed(cabinet.a) == {UNWANTED}
    assert installed(cabinet.b) == set()
    assert practice.planned(cabinet.inventory) == {"t/a": {}, "t/b": {}}


def opens(host: Host, login: str, password: str) -> bool:
    """Tell whether the password opens the account, tried from another one."""
    attempt = f"runuser -u t.leroy -- su {login} -c true"
    return host.run(attempt, input=f"{password}\n", check=False).returncode == 0


def test_password_of_a_leaver_opens_nothing_until_she_returns(
    cabinet: Cabinet, undo: ExitStack
) -> None:
    host, policy = cabinet.a, cabinet.inventory.read_text()
    password = "Voit-la-Mer-9"
    undo.callback(host.run, "usermod -p '*' m.durand")
    host.run("chpasswd", input=f"m.durand:{password}\n")
    hash_before = host.run("getent shadow m.durand | cut -d: -f2").stdout
    assert opens(host, "m.durand", password)

    practice.edit(cabinet.inventory, lambda data: data["people"].clear())
    apply(cabinet)
    assert not opens(host, "m.durand", password)
    assert "Account expires\t\t\t\t\t\t: Jan 02, 1970" in host.run("chage -l m.durand").stdout
    assert "expired" in host.run("su m.durand -c true", check=False).stderr

    cabinet.inventory.write_text(policy)
    apply(cabinet)
    assert opens(host, "m.durand", password)
    assert host.run("getent shadow m.durand | cut -d: -f2").stdout == hash_before
    assert "Account expires\t\t\t\t\t\t: never" in host.run("chage -l m.durand").stdout


FOREIGN_MATCH = """\
Match User admin
    PasswordAuthentication yes
    AuthenticationMethods password
    TrustedUserCAKeys /etc/ssh/ssh_host_ed25519_key.pub
    AuthorizedKeysCommand /usr/bin/true
    AuthorizedKeysCommandUser root
"""


def test_match_block_of_another_file_undoes_nothing(cabinet: Cabinet, undo: ExitStack) -> None:
    host, foreign = cabinet.a, "/etc/ssh/sshd_config.d/60-x.conf"
    asked = "sshd -T -C user=admin,host=x,addr=10.77.0.1"
    undo.callback(host.run, f"rm -f {foreign}; systemctl reload ssh")
    host.run(f"cat > {foreign}; rm {DROP_IN}", input=FOREIGN_MATCH)
    assert "passwordauthentication yes" in host.run(asked).stdout.splitlines()
    apply(cabinet)
    said = host.run(asked).stdout.splitlines()
    assert {
        "passwordauthentication no", "authenticationmethods publickey",
        "trustedusercakeys none", "authorizedkeyscommand none",
    } <= set(said)  # fmt: skip


@dataclass(frozen=True)
class Foreign:
    """What somebody did to sshd_config, as sh, and what the refusal must say."""

    by_hand: str
    told: str


MAIN = "/etc/ssh/sshd_config"
EARLIER = "/etc/ssh/sshd_config.d/00-a.conf"
HIDDEN = "/etc/ssh/hidden.conf"
INCLUDE = "Include /etc/ssh/sshd_config.d/*.conf"
FOREIGN = {
    "groups of its own": Foreign(
        f"echo AllowGroups sudo >> {MAIN}",
        f"AllowGroups is set elsewhere too, and adds up; remove it there:; {MAIN}; ",
    ),
    "passwords above the Include": Foreign(
        f"sed -i '/^Include/d' {MAIN};"
        f" printf 'PasswordAuthentication yes\\n{INCLUDE}\\n' >> {MAIN}",
        "'passwordauthentication no'",
    ),
    "ciphers above the Include": Foreign(
        f"sed -i '1i Ciphers aes128-cbc' {MAIN}",
        "aes128-ctr': a line above the Include of sshd_config.d wins",
    ),
    "a Match before ours": Foreign(
        f"printf 'Match all\\nPasswordAuthentication yes\\n' > {EARLIER}",
        f"{EARLIER}: Match all: PasswordAuthentication yes: this Match comes before ours and wins",
    ),
    "a Match for one person": Foreign(
        f"printf 'match user m.durand\\n\\tpasswordauthentication=yes\\n' > {EARLIER}",
        f"{EARLIER}: match user m.durand: passwordauthentication=yes: this Match comes before ours",
    ),
    "a Match for the automation account": Foreign(
        f"printf 'Match User rempart\\nAuthorizedKeysFile none\\n' > {EARLIER}",
        f"{EARLIER}: Match User rempart: AuthorizedKeysFile none: this Match comes before ours",
    ),
    "a Match for our address above the Include": Foreign(
        f"sed -i '1i Match Address 10.77.0.0/24\\nPubkeyAuthentication no\\nMatch all' {MAIN}",
        f"{MAIN}: Match Address 10.77.0.0/24: PubkeyAuthentication no: this Match comes before",
    ),
    "a Match for a technician in a file of a file": Foreign(
        f"printf 'Match User t.leroy\\nAuthenticationMethods password\\n' > {HIDDEN};"
        f" echo Include {HIDDEN} > {EARLIER}",
        "sshd would say 'authenticationmethods password' to t.leroy from 10.77.0.1; a Match wins",
    ),
    "a Match for root in a file of a file": Foreign(
        f"printf 'Match User root\\nPermitRootLogin yes\\n' > {HIDDEN};"
        f" echo Include {HIDDEN} > {EARLIER}",
        "sshd would say 'permitrootlogin yes' to root from 10.77.0.1; a Match wins",
    ),
    "a command for the automation account, after ours": Foreign(
        f"printf 'Match User rempart Address 10.77.0.1\\nForceCommand /bin/false\\n' >> {MAIN}",
        "sshd would say 'forcecommand /bin/false' to rempart from 10.77.0.1",
    ),
    "a folder for a technician": Foreign(
        f"printf 'Match Group sudo\\nChrootDirectory /srv\\n' >> {MAIN}",
        "sshd would say 'chrootdirectory /srv' to t.leroy from 10.77.0.1",
    ),
    "the automation account denied": Foreign(
        f"echo 'DenyUsers ftp rem*' >> {MAIN}", "DenyUsers keeps rempart from 10.77.0.1 out",
    ),
    "others allowed": Foreign(
        f"echo 'AllowUsers m.durand rempart@192.0.2.*' >> {MAIN}",
        "AllowUsers keeps rempart from 10.77.0.1 out",
    ),
    "a technician's group denied": Foreign(
        f"echo 'DenyGroups sudo' >> {MAIN}",
        "DenyGroups keeps t.leroy from 10.77.0.1 out; take sudo out of it",
    ),
    "no Include": Foreign(
        f"sed -i '/^Include/d' {MAIN}",
        f"{MAIN} does not include sshd_config.d; put the stock Include line back",
    ),
}  # fmt: skip


def state(host: Host) -> str:
    """Return what a guarded change of sshd could leave behind."""
    return host.run(
        "find /etc/ssh /etc/rempart /etc/systemd -printf '%p %m %u %g %s\\n' | sort;"
        " find /etc/ssh -type f -exec sha256sum {} + | sort; nft list ruleset;"
        f" systemctl is-active ssh.service; ls -d {GUARD}/armed {GUARD}/reverting 2>&1;"
        " systemctl list-timers --all --no-legend 'rempart-guard*'",
        check=False,
    ).stdout


@pytest.mark.parametrize("what", FOREIGN)
def test_foreign_line_that_beats_the_drop_in_is_refused_by_name(
    cabinet: Cabinet, undo: ExitStack, what: str
) -> None:
    host = cabinet.a
    undo.callback(
        host.run,
        f"cp -a /root/sshd_config {MAIN}; rm -f {EARLIER} {HIDDEN}; systemctl restart ssh",
    )
    host.run(f"cp -a {MAIN} /root/sshd_config; echo '# by hand' >> {DROP_IN}")
    host.run(FOREIGN[what].by_hand)
    before = state(host)
    done = practice.rempart("apply", cabinet.inventory, "--yes")
    assert done.returncode == 1, done.stdout
    error = one_line(done.stderr)
    assert error.startswith("rempart: t/a: ")
    assert FOREIGN[what].told in error
    assert error.endswith("nothing guarded was changed\n")
    assert state(host) == before


def test_reload_of_nftables_leaves_the_firewall_up(cabinet: Cabinet, undo: ExitStack) -> None:
    host, table = cabinet.a, "nft list table inet rempart"
    undo.callback(host.run, "systemctl stop nftables.service")
    host.run("systemctl start nftables.service")
    assert host.run(table, check=False).returncode != 0  # Debian's configuration flushes all
    host.run("systemctl reload nftables.service")
    # The propagated reload is a job of its own, which systemctl does not wait for.
    until = time.monotonic() + 10
    while host.run(table, check=False).returncode != 0 and time.monotonic() < until:
        time.sleep(0.2)
    assert "policy drop" in host.run("nft list chain inet rempart input").stdout


def test_system_account_never_becomes_a_persons(cabinet: Cabinet, undo: ExitStack) -> None:
    host = cabinet.a
    undo.callback(host.run, "userdel klaus")
    host.run("useradd -r klaus")
    uid = host.run("id -u klaus").stdout.strip()
    klaus: dict[str, Any] = {"login": "klaus", "name": "Klaus Weber", "role": "secretary"}
    practice.edit(cabinet.inventory, lambda data: data["people"].append({**klaus, "hosts": ["a"]}))
    before = host.run("getent passwd; getent group; find /etc /var/lib/rempart -newer /etc/shadow")
    done = practice.rempart("apply", cabinet.inventory, "--yes")
    assert done.returncode == 1
    assert one_line(done.stderr) == (
        f"rempart: t/a: the login klaus is a system account here (uid {uid});"
        " choose another login\n"
    )
    after = host.run("getent passwd; getent group; find /etc /var/lib/rempart -newer /etc/shadow")
    assert after.stdout == before.stdout


def test_guard_that_lost_its_timer_is_told_with_what_to_do(
    cabinet: Cabinet, undo: ExitStack
) -> None:
    host = cabinet.a
    undo.callback(host.run, f"rm -rf {GUARD}; mv /root/guard {GUARD}")
    host.run(f"mkdir -p {GUARD}; mv {GUARD} /root/guard; mkdir -m 700 {GUARD}")
    host.run(
        f"printf '20260101T000000-0\\nt.leroy@poste\\n' > {GUARD}/run; touch {GUARD}/reverting"
    )
    plan = cabinet.plan()
    assert plan.returncode == 1
    assert one_line(plan.stderr) == (
        "rempart: t/a: a change by t.leroy@poste is not confirmed yet, its guard is reverting;"
        f" the next boot goes on with it, or, as root there: sh {GUARD}/revert now\n"
    )
    host.run(f"rm -r {GUARD}/reverting")
    assert practice.planned(cabinet.inventory) == {"t/a": {}, "t/b": {}}
