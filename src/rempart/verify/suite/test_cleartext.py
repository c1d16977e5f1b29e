"""SF-2: FTP, telnet and their kin are absent."""

from __future__ import annotations

import re
import shlex

import pytest

from rempart.verify import reach, sockets
from rempart.verify.machine import AnswerError, Machine
from rempart.verify.proof import Proof

pytestmark = pytest.mark.control("SF-2")

COMMANDS = (
    *("ftp", "ftp-ssl", "tnftp", "inetutils-ftp", "pftp", "lftp", "tftp", "atftp"),
    *("telnet", "telnet-ssl", "inetutils-telnet", "rsh", "rlogin", "rcp", "rexec"),
    *("in.ftpd", "ftpd", "vsftpd", "proftpd", "pure-ftpd", "bftpd", "twoftpd", "uftpd"),
    *("in.tftpd", "atftpd", "in.telnetd", "telnetd", "utelnetd"),
    *("in.rshd", "in.rlogind", "in.rexecd", "inetutils-inetd"),
)
"""Programs that carry passwords or files in clear text, by the names Debian gives them."""

PACKAGES = re.compile(
    r"(.+-)?(t?n?ftpd?|telnetd?|rsh-client|rsh-server|rsh-redone-.+)(-ssl|-hpa)?"
    r"|atftpd?|vsftpd|proftpd-(core|basic)|pure-ftpd.*"
)

# OpenSSH used to offer itself as rsh, rlogin and rcp; a link to it is no finding.
_FIND = """
for name in "$@"; do
    path=$(command -v "$name") || continue
    case $(readlink -f "$path") in
        /usr/bin/ssh | /usr/bin/scp | /usr/bin/sftp) ;;
        *) echo "$path" ;;
    esac
done
echo end
"""


def test_no_such_program_is_installed(machine: Machine, proof: Proof) -> None:
    """No FTP, telnet or rsh program is on the host, client or server."""
    answer = machine.ask(shlex.join(["sh", "-c", _FIND, "find", *COMMANDS]), name="command -v")
    *found, end = answer.splitlines() or [""]
    if end != "end":
        raise AnswerError("the search for programs did not end")
    proof.none(found, "no such program", f"{len(COMMANDS)} names in PATH")


def test_no_such_package_is_installed(machine: Machine, proof: Proof) -> None:
    """No FTP, telnet or rsh package is on the host."""
    rows = machine.ask("dpkg-query -W -f '${db:Status-Status} ${Package}\\n'").splitlines()
    installed = [row.removeprefix("installed ") for row in rows if row.startswith("installed ")]
    if "openssh-server" not in installed:
        raise AnswerError("dpkg-query: does not name openssh-server")
    found = [package for package in installed if PACKAGES.fullmatch(package)]
    proof.none(found, "no such package", f"{len(installed)} packages of dpkg")


def test_no_such_port_listens(listening: list[sockets.Listener], proof: Proof) -> None:
    """Nothing listens on the ports of FTP, telnet, TFTP and rsh."""
    found = [listener for listener in listening if listener.port in reach.CLEAR_TEXT_PORTS]
    ports = ", ".join(map(str, reach.CLEAR_TEXT_PORTS))
    proof.none(found, f"nothing on {ports}", "ss")
