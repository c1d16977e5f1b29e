"""What a host is: asked by enrolment, which records it, and by every observation, which compares.

``probe()`` is part of a larger script on the host; its lines stand among others and are told apart
by their first word. ``parse`` takes those lines and trusts none of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import ValidationError

from rempart.engine.printable import printable
from rempart.errors import RempartError
from rempart.policy import Policy
from rempart.policy.host import SMALL_MEMORY_MIB, Host, Traits

_PROBE = r"""
trait() { printf 'trait\t%s\t%s\n' "$1" "$2"; }
(
    . /etc/os-release
    trait os "${ID-}"
    trait release "${VERSION_ID-}"
    trait codename "${VERSION_CODENAME-}"
)
trait arch "$(dpkg --print-architecture)"
# It exits with 1 on a real machine, and says "none".
trait virtualisation "$(systemd-detect-virt || true)"
trait memory "$(awk '/^MemTotal:/ { print ($2 < SMALL_KIB ? "small" : "standard") }' /proc/meminfo)"
desktop=none
for session in lxqt LXDE cinnamon mate xfce plasma gnome; do
    for file in /usr/share/xsessions/"$session"*.desktop \
        /usr/share/wayland-sessions/"$session"*.desktop; do
        if [ -e "$file" ]; then desktop=$session; fi
    done
done
trait desktop "$desktop"
# Debian 13's locale.conf(5); before, the file that PAM reads.
language=$(sed -n 's/^LANG=//p' /etc/default/locale /etc/locale.conf 2>/dev/null | tr -d "\"'")
trait locale "$(printf '%s\n' "${language:-C}" | head -n 1)"
"""


def probe() -> str:
    r"""Return POSIX shell lines that print ``trait\tNAME\tVALUE`` lines; no root needed."""
    return _PROBE.replace("SMALL_KIB", str(SMALL_MEMORY_MIB * 1024))


def parse(lines: Iterable[str]) -> dict[str, str]:
    """Return the traits among ``lines``, with the keys and the valid values of ``Traits``.

    Example: ``{"os": "debian", "release": "12", …, "memory": "small", "locale": "fr_FR.UTF-8"}``.

    Raises:
        RempartError: a trait is missing or is not what a host can say.
    """
    fields = (line.split("\t") for line in lines)
    said = {field[1]: field[2] for field in fields if len(field) == 3 and field[0] == "trait"}
    try:
        return Traits.model_validate(said).model_dump()
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        raise RempartError(
            f"traits: {printable(name)}: the host's answer is unusable "
            f"(got {printable(said.get(name, 'nothing'))[:60]!r}); see its /etc/os-release, "
            "dpkg --print-architecture, systemd-detect-virt, /proc/meminfo, /etc/default/locale"
        ) from error


def mismatches(policy: Policy, host: Host, said: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return what the host says (``{"release": ("13",), …}``) against what the inventory records.

    One line per trait that differs, with what to do; empty where all is as recorded.
    """
    recorded = host.traits.model_dump() if host.traits else {}
    found = {name: values[0] if values else "" for name, values in said.items()}
    return [
        f"{policy.path.name}: hosts[{host.name}].traits.{name}: is {expected!r}, the host says "
        f"otherwise (got {printable(found.get(name, ''))[:60]!r}); correct that line, or run"
        f" 'rempart enroll {policy.path} {host.name}' again"
        for name, expected in recorded.items()
        if found.get(name) != expected
    ]
