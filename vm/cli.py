"""`python -m vm`: parse, call, print."""

import argparse
import sys
from collections.abc import Sequence

from lab import place, requirements
from lab.errors import LabError
from vm import accelerator, box, control, identity

_EPILOG = """
examples:
  python -m vm up                  boot the practice of Vagrantfile, build boxes at first
  python -m vm up accueil-1        one machine
  REMPART_VM=tcg python -m vm up   emulate the processor, whatever KVM can do
  python -m vm password accueil-1  what `rempart enroll` asks for; the user is admin
  python -m vm down                remove all but the boxes, put settings back

`vagrant ssh`, `vagrant halt` and the others work meanwhile.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code: 0, or 1 after one line of explanation."""
    try:
        arguments = _parser().parse_args(argv)
        arguments.action(arguments)
        return 0
    except LabError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:  # a full disk, say
        sys.stderr.write(f"vm: this machine: {error}; mend it, then `make vm-down`\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("vm: interrupted; `make vm-down` removes what is left\n")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m vm",
        description="The lab practice in virtual machines, by Vagrant and libvirt.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    boxes = commands.add_parser("box", help="build the boxes and give them to Vagrant")
    boxes.set_defaults(action=_box)
    up = commands.add_parser("up", help="start what Vagrant needs, then `vagrant up`")
    up.add_argument("hosts", nargs="*", metavar="HOST", help="default: all of Vagrantfile")
    up.set_defaults(action=_up)
    down = commands.add_parser("down", help="remove machines, networks, what libvirt left")
    down.set_defaults(action=_down)
    keys = commands.add_parser("keys", help="make and pin keys (Vagrantfile calls it)")
    keys.add_argument("hosts", nargs="+", metavar="HOST")
    keys.set_defaults(action=lambda arguments: identity.make(arguments.hosts))
    password = commands.add_parser("password", help="print the password of admin")
    password.add_argument("host", metavar="HOST")
    password.set_defaults(action=lambda arguments: _say(identity.password(arguments.host)))
    choice = commands.add_parser("accelerator", help="kvm or tcg (emulation), by a trial guest")
    choice.set_defaults(action=lambda arguments: _say(accelerator.choose()))
    return parser


def _box(arguments: argparse.Namespace) -> None:
    _check()
    for name in box.BOXES:
        box.add(name)


def _up(arguments: argparse.Namespace) -> None:
    _box(arguments)
    control.up(arguments.hosts)


def _down(arguments: argparse.Namespace) -> None:
    _check()
    control.down()


def _check() -> None:
    requirements.check(vm=True)
    place.make_directories()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
