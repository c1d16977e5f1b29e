"""`python -m lab`: parse, call, print."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from lab import control, place, requirements, secret, sshconfig
from lab.errors import LabError
from lab.host import Host
from lab.image import RECIPES
from lab.requirements import program
from lab.topology import OUTSIDER, PRACTICE, find

_EPILOG = f"""
hosts:
  {", ".join(PRACTICE)} are the practice that `up` boots when it is given no names;
  annexe/archives-1 is another practice's host, at the same address as archives-1;
  host-100 to host-199 are spare ones: `up --count 3`, or the tests'.

examples:
  python -m lab up                                   boot the practice, build images at first
  python -m lab ssh accueil-1                        log in as a person
  python -m lab exec accueil-1 -- systemctl stop ssh break something, as root, without SSH
  python -m lab exec accueil-1 -- sh -c 'ls /etc/*'  a shell for what needs one
  python -m lab reset accueil-1                      as new, in two seconds
  python -m lab down                                 remove everything, put settings back

Disks, keys ({place.KEYS}) and passwords are in {place.STATE}, images in {place.CACHE}.
Logs of a boot: {place.HOSTS}/HOST/console.log.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code: 0, or 1 after one line of explanation."""
    try:
        arguments = _parser().parse_args(argv)
        requirements.check()
        place.make_directories()
        return int(arguments.action(arguments) or 0)
    except LabError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:  # a full disk, say
        sys.stderr.write(f"lab: this machine: {error}; mend it, then `python -m lab down`\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write(
            "lab: interrupted; go on with `python -m lab up`, clean up with `python -m lab down`\n"
        )
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lab",
        description="Real Debian hosts with systemd, in containers on a private network.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_whole_lab(commands)
    _add_one_host(commands)
    _add_secrets(commands)
    return parser


def _add_whole_lab(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    up = commands.add_parser("up", help="boot hosts; again: repair what is missing")
    up.add_argument("hosts", nargs="*", metavar="HOST", help="default: the four of the practice")
    up.add_argument("--count", type=int, metavar="N", help="N spare hosts instead")
    up.add_argument("--image", choices=RECIPES, default="debian-12", help="of spare hosts")
    up.set_defaults(action=_up)
    down = commands.add_parser("down", help="remove everything, also after a crash")
    down.add_argument("--purge", action="store_true", help="keys and passwords too")
    down.set_defaults(action=lambda arguments: control.down(purge=arguments.purge))
    status = commands.add_parser("status", help="which hosts there are, and whether they answer")
    status.add_argument("--json", action="store_true", help="for programs")
    status.set_defaults(action=_status)
    outsider = commands.add_parser(
        "outsider", help="run a command from an address outside the management networks"
    )
    outsider.add_argument("command", nargs="+", metavar="COMMAND")
    outsider.set_defaults(action=_outsider)


def _add_one_host(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    ssh = commands.add_parser("ssh", help="log in as people do, with a key or admin's password")
    ssh.add_argument("host", metavar="HOST")
    ssh.add_argument("command", nargs="*", metavar="COMMAND")
    ssh.set_defaults(action=_ssh)
    execute = commands.add_parser("exec", help="run a command as root inside, without SSH")
    execute.add_argument("host", metavar="HOST")
    execute.add_argument("command", nargs="+", metavar="COMMAND")
    execute.set_defaults(action=_exec)
    for name, action, text in (
        ("reset", Host.reset, "boot as new: disk of the stock image, same keys and passwords"),
        ("reboot", Host.reboot, "cut the power and boot with the same disk"),
        ("kill", Host.kill, "cut the power"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("hosts", nargs="+", metavar="HOST")
        command.set_defaults(action=_each, do=action)


def _add_secrets(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    fingerprint = commands.add_parser("fingerprint", help="print the ed25519 host key's SHA256")
    fingerprint.add_argument("host", metavar="HOST")
    fingerprint.set_defaults(action=_fingerprint)
    known_hosts = commands.add_parser("known-hosts", help="print known_hosts lines")
    known_hosts.add_argument("hosts", nargs="*", metavar="HOST", default=PRACTICE)
    known_hosts.set_defaults(action=_known_hosts)
    password = commands.add_parser("password", help="print the password of admin")
    password.add_argument("host", metavar="HOST")
    password.add_argument("--root", action="store_true", help="root's instead")
    password.set_defaults(action=_password)


def _up(arguments: argparse.Namespace) -> None:
    if arguments.count is None:
        control.up(arguments.hosts or PRACTICE)
    else:
        control.up_count(arguments.count, arguments.image)
    _print_table()


def _status(arguments: argparse.Namespace) -> None:
    if arguments.json:
        _say(json.dumps(_rows(), indent=2))
    else:
        _print_table()


def _rows() -> list[dict[str, str]]:
    return [
        {
            "host": host.name,
            "image": host.spec.image,
            "address": host.address,
            "address6": host.address6,
            "jump": host.spec.jump,
            "state": _state(host),
        }
        for host in control.present()
    ]


def _state(host: Host) -> str:
    if host.pid is None:
        return "off"
    return "up" if host.is_ready() else "up, sshd does not answer"


def _print_table() -> None:
    rows = _rows()
    if not rows:
        _say("no host is up; python -m lab up")
    for row in rows:
        jump = f"by way of {row['jump']}" if row["jump"] else row["address6"]
        _say(f"{row['host']:<20}{row['image']:<12}{row['address']:<15}{jump:<22}{row['state']}")


def _outsider(arguments: argparse.Namespace) -> None:
    if not Path("/run/netns", OUTSIDER).exists():
        raise LabError("lab: outsider: the lab is not up; python -m lab up")
    os.execv(program("ip"), ["ip", "netns", "exec", OUTSIDER, *arguments.command])


def _ssh(arguments: argparse.Namespace) -> None:
    host = _host(arguments.host)
    sshconfig.write()
    login = sshconfig.accepted_login(host.spec)
    if not login:
        login = "admin"
        sys.stderr.write(
            f"no key of the lab is accepted yet: log in as admin; "
            f"password: python -m lab password {host.name}\n"
        )
    os.execv(program("ssh"), sshconfig.command(host.spec, login, arguments.command))


def _exec(arguments: argparse.Namespace) -> None:
    command = _host(arguments.host).entering(arguments.command)
    os.execv(command[0], command)


def _each(arguments: argparse.Namespace) -> None:
    control.each([_host(identity) for identity in arguments.hosts], arguments.do)


def _fingerprint(arguments: argparse.Namespace) -> None:
    _say(secret.fingerprint(find(arguments.host)))


def _known_hosts(arguments: argparse.Namespace) -> None:
    for identity in arguments.hosts:
        _say("\n".join(secret.host_key_lines(find(identity))))


def _password(arguments: argparse.Namespace) -> None:
    _say(secret.passwords(find(arguments.host))["root" if arguments.root else "admin"])


def _host(identity: str) -> Host:
    host = Host(find(identity))
    if not host.folder.exists():
        raise LabError(f"lab: {identity}: is not up; boot it: python -m lab up {identity}")
    return host


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
